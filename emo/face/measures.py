"""What a face does, frame by frame, from its landmarks: mouth, eyes, gaze, brows.

Landmarks are (T, 478, 3) in pixels, as `emo.face.track_face` gives them; every measure is (T,) float64, per frame and
unsmoothed, in lengths of the face itself (3-D, so that shift, size, roll and modest turns of the head do not matter).

All but mouth and blinks have an offset of their own for every person: compare readings within a person. How true each
is, and its noise floor: docs/measures.md.
"""

import numpy as np

from emo.errors import EmoError
from emo.face.mesh import (
    EYE_CORNERS,
    EYES,
    INNER_LIPS_MIDDLE,
    MOUTH_CORNERS,
    NUM_LANDMARKS,
    OUTER_EYE_CORNERS,
    UPPER_BROWS,
    Eye,
)
from emo.face.pose import rotations

OPEN_PERCENTILE = 90
SHUT = 0.7


def check_landmarks(landmarks: np.ndarray) -> np.ndarray:
    """Landmarks (T, 478, 3) of at least one frame, as float64.

    Raises:
        EmoError: of another shape, or not finite.
    """
    landmarks = np.asarray(landmarks)
    if landmarks.ndim != 3 or landmarks.shape[1:] != (NUM_LANDMARKS, 3) or len(landmarks) == 0:
        shape = f"(T, {NUM_LANDMARKS}, 3)"
        raise EmoError(f"landmarks must be {shape} with T > 0, as track_face gives, not {landmarks.shape}")
    if not np.isfinite(landmarks).all():
        raise EmoError("landmarks must be finite numbers")
    return landmarks.astype(np.float64)


def mouth_opening(landmarks: np.ndarray) -> np.ndarray:
    """Gap between the inner lips over the distance between the eyes' outer corners, (T, 478, 3) -> (T,).

    A full dark beard hides the lips.
    """
    points = check_landmarks(landmarks)
    return _distance(points, *INNER_LIPS_MIDDLE) / _distance(points, *OUTER_EYE_CORNERS)


def mouth_width(landmarks: np.ndarray) -> np.ndarray:
    """Distance of the mouth's corners over that of the eyes' outer corners, (T, 478, 3) -> (T,)."""
    points = check_landmarks(landmarks)
    return _distance(points, *MOUTH_CORNERS) / _distance(points, *OUTER_EYE_CORNERS)


def eye_openings(landmarks: np.ndarray) -> np.ndarray:
    """Gap between the lids over the eye's width, left and right in the picture, (T, 478, 3) -> (T, 2)."""
    points = check_landmarks(landmarks)
    gaps = [
        np.mean([_distance(points, *pair) for pair in eye.lids], 0) / _distance(points, *eye.corners) for eye in EYES
    ]
    return np.stack(gaps, axis=1)


def eye_opening(landmarks: np.ndarray) -> np.ndarray:
    """`eye_openings`, mean of both eyes, (T, 478, 3) -> (T,)."""
    left, right = eye_openings(landmarks).T
    return (left + right) / 2


def blink(landmarks: np.ndarray) -> np.ndarray:
    """How far the eyes are shut, 0 open ... 1 closed, against the track's own open eyes, (T, 478, 3) -> (T,).

    Open is the 90th percentile of `eye_opening`; a track whose eyes stay shut reads 0. FaceMesh never lets the lids
    meet: shut is SHUT below open.
    """
    opening = eye_opening(landmarks)
    return shut_share(opening, float(np.percentile(opening, OPEN_PERCENTILE)))


def shut_share(opening: np.ndarray, wide: float) -> np.ndarray:
    """How far eyes are shut, 0 ... 1, of their `eye_opening` (T,) and that of open ones."""
    return np.clip((1 - opening / wide) / SHUT, 0, 1)


def gaze(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the eyes look within the head, (T, 478, 3) -> x, y (T,), toward the picture's right and top.

    Shift of the irises off the middle of the eyes' corners in the head's own frame, in widths of an eye. Up and down
    reads much smaller than aside, since the lids follow.
    """
    points = check_landmarks(landmarks)
    points = points @ rotations(points)  # as it would look straight ahead
    shift = np.mean([_iris_shift(points, eye) for eye in EYES], axis=0)
    return shift[:, 0], -shift[:, 1]


def brow(landmarks: np.ndarray) -> np.ndarray:
    """Height of the brows over the eyes' corners in the head's own frame, over the distance of the outer corners.

    (T, 478, 3) -> (T,); larger is raised. A dark fringe, gray brows or glasses hide brows from FaceMesh.
    """
    points = check_landmarks(landmarks)
    points = points @ rotations(points)
    brows = [*UPPER_BROWS[0], *UPPER_BROWS[1]]
    height = points[:, EYE_CORNERS, 1].mean(1) - points[:, brows, 1].mean(1)
    return height / _distance(points, *OUTER_EYE_CORNERS)


def _iris_shift(points: np.ndarray, eye: Eye) -> np.ndarray:
    """From the middle of an eye's corners to its iris, in widths of the eye, (T, 478, 3) -> (T, 3)."""
    outer, inner = eye.corners
    return (points[:, eye.iris] - (points[:, outer] + points[:, inner]) / 2) / _distance(points, outer, inner)[:, None]


def _distance(points: np.ndarray, one: int, other: int) -> np.ndarray:
    """(T, 478, 3) -> (T,)."""
    return np.linalg.norm(points[:, one] - points[:, other], axis=1)
