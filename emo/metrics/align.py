"""A face laid where networks of face recognition expect it: eyes, nose and mouth on ArcFace's five points."""

import numpy as np

from emo.errors import EmoError
from emo.face.measures import check_landmarks
from emo.face.mesh import EYES, MOUTH_CORNERS, NOSE_UNDER_TIP
from emo.metrics.checks import check_frame

TEMPLATE_SIDE = 112
# Middle of the eye on the picture's left, of the other one, tip of the nose, left and right corner of the mouth, in
# pixels of a 112 x 112 picture; 0 is the middle of the first pixel (Deng et al., ArcFace; InsightFace's `norm_crop`).
TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))


def align_face(frame: np.ndarray, landmarks: np.ndarray, size: int = TEMPLATE_SIDE) -> np.ndarray:
    """Shift, turn and scale a frame so that its face fits ArcFace's template best (least squares over five points).

    Large faces are averaged down first: InsightFace samples them, which reads a little noisier.

    Args:
        frame: uint8 (H, W, 3) RGB.
        landmarks: (478, 3) in the frame's pixels, 0 the middle of the first.
        size: side of the result; the template grows with it.

    Returns:
        uint8 (size, size, 3) RGB, black beyond the frame.

    Raises:
        EmoError: `frame` or `landmarks` have another shape or type, all five points are one, or size is below 1.
    """
    import cv2

    check_frame(frame)
    if size < 1:
        raise EmoError(f"an aligned face must have 1 pixel or more to a side, not {size}")
    matrix = similarity(five_points(landmarks), template(size))
    scale = float(np.hypot(*matrix[:, 0]))
    if scale < 1:
        height, width = (max(1, round(length * scale)) for length in frame.shape[:2])
        shrink = np.array([width / frame.shape[1], height / frame.shape[0]])
        frame = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        linear = matrix[:, :2] / shrink  # pixel p of the small frame is (p + 0.5) / shrink - 0.5 of the large one
        matrix = np.column_stack([linear, matrix[:, 2] + linear @ (0.5 - 0.5 * shrink)])
    return cv2.warpAffine(frame, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0))


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """Eyes, nose and corners of the mouth in the template's order, (478, 3) -> (5, 2).

    Raises:
        EmoError: `landmarks` have another shape, or are not finite.
    """
    points = check_landmarks(np.asarray(landmarks)[None])[0, :, :2]
    eyes = [points[eye.corners].mean(0) for eye in EYES]
    return np.stack([*eyes, points[NOSE_UNDER_TIP], *points[MOUTH_CORNERS]])


def template(size: int) -> np.ndarray:
    """The five points in a picture of this side, (5, 2); its borders stay its borders."""
    return (np.array(TEMPLATE) + 0.5) * (size / TEMPLATE_SIDE) - 0.5


def similarity(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The shift, turn and scale that brings points nearest to their targets, (n, 2), (n, 2) -> (2, 3).

    Least squares: a plane's turn and scale are one complex number. OpenCV's `estimateAffinePartial2D` is not this:
    it leaves out the points that fit worst.

    Raises:
        EmoError: all points are one.
    """
    z, w = (xy[:, 0] + 1j * xy[:, 1] for xy in (points, targets))
    middle = z.mean()
    size = np.square(np.abs(z - middle)).sum()
    if size <= 1e-9:
        raise EmoError("the landmarks of a face are all in one place: it cannot be aligned")
    turn = (np.conj(z - middle) * w).sum() / size
    shift = w.mean() - turn * middle
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
