"""The one face of a scene: landmarks on every frame, and what else there is to know of the picture around them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from emo.face import Box, Crop, FaceDetector, landmark_box
from emo.face.crop import FACE_SHARE
from emo.face.mesh import INNER_LIPS, NUM_LANDMARKS, OUTER_LIPS

LOOK_EVERY = 10  # frames between two looks at the whole picture
SEARCH_EVERY = 3  # frames between two, while there is no face
LOOK_SIDE = 800  # pixels of the longer side: at this size the finder sees faces from 6 % of it on
RING = (1.3, 1.7)  # the skin around the lips, in sizes of their outline


@dataclass(frozen=True)
class SceneTrack:
    """A face over the T frames of a scene.

    `others` and `lips` are looked at every LOOK_EVERY frames and hold, at their worse, in between.

    Attributes:
        landmarks: (T, 478, 3) float32 in pixels, as `Face.landmarks`, zero where not found.
        found: (T,) bool.
        others: (T,) the largest other face's length over this one's, infinite for one within its crop.
        lips: (T,) `lip_contrast`.
        missing: (T,) bool, frames without a picture.
    """

    landmarks: np.ndarray = field(repr=False)
    found: np.ndarray
    others: np.ndarray
    lips: np.ndarray
    missing: np.ndarray

    def __len__(self) -> int:
        return len(self.found)

    @property
    def boxes(self) -> np.ndarray:
        """(T, 4) x0, y0, x1, y1 around the landmarks."""
        points = self.landmarks[..., :2]
        return np.concatenate([points.min(1), points.max(1)], 1)


def track_scene(frames: Iterable[np.ndarray | None], detector: FaceDetector) -> SceneTrack:
    """Follow the largest face of a scene; frames are taken one by one and not kept.

    As `emo.face.track_face` it goes from frame to frame by the place of the face before; besides, it looks at the
    whole picture every LOOK_EVERY frames, for other faces, and leaves gaps as they are.

    Args:
        frames: uint8 (H, W, 3) RGB each, or None where one is missing.
        detector: the process's own.
    """
    landmarks: list[np.ndarray | None] = []
    looks: dict[int, tuple[float, float]] = {}
    missing: list[bool] = []
    box: Box | None = None
    wait = 0
    for number, frame in enumerate(frames):
        here = None if frame is None or box is None else detector.landmarks_near(frame, box)
        lost = box is not None and here is None
        if frame is not None and (wait <= 0 or lost):
            faces = _look(detector, frame)
            if here is None and faces:
                here = detector.landmarks_near(frame, _choose(faces, box))
            wait = LOOK_EVERY if here is not None else SEARCH_EVERY
            if here is not None:
                size = frame.shape[0], frame.shape[1]
                looks[number] = _others(faces, landmark_box(here), size), lip_contrast(frame, here)
        box = None if here is None else landmark_box(here)
        landmarks.append(here)
        missing.append(frame is None)
        wait = 0 if frame is None else wait - 1
    found = np.array([points is not None for points in landmarks])
    nothing = np.zeros((NUM_LANDMARKS, 3), np.float32)
    others, lips = _between(looks, found)
    return SceneTrack(
        landmarks=np.stack([nothing if points is None else points for points in landmarks]),
        found=found,
        others=others,
        lips=lips,
        missing=np.array(missing),
    )


def _look(detector: FaceDetector, frame: np.ndarray) -> list[Box]:
    """The boxes of all faces in the picture, in its pixels."""
    height, width = frame.shape[:2]
    scale = max(1.0, max(height, width) / LOOK_SIDE)
    small = Crop(0, 0, width, height, max(1, round(height / scale)), max(1, round(width / scale)))
    faces = detector.detect(small.apply(frame) if scale > 1 else frame)
    return [face.box.in_resized(scale) for face in faces]


def _choose(boxes: list[Box], before: Box | None) -> Box:
    """The face nearest to where it was, or the largest."""
    if before is None:
        return max(boxes, key=lambda box: box.side)
    return min(boxes, key=lambda box: float(np.linalg.norm(np.subtract(box.center, before.center))))


def _others(boxes: list[Box], own: Box, size: tuple[int, int]) -> float:
    """The largest other face's length over the own one's; infinite where it reaches into the crop."""
    crop = Crop.around(own, size, height=64, width=64, share=FACE_SHARE)
    worst = 0.0
    for box in boxes:
        x, y = box.center
        if own.holds(x, y):
            continue
        inside = crop.x0 < x < crop.x1 and crop.y0 < y < crop.y1
        worst = max(worst, np.inf if inside else box.side / own.side)
    return worst


def _between(looks: dict[int, tuple[float, float]], found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Other faces and lips of every frame, (T,) and (T,): the worse of the looks before and after."""
    others, lips = np.zeros(len(found)), np.full(len(found), np.inf)
    places = sorted(looks)
    for place, after in pairwise([*places, len(found) - 1]):
        span = slice(place, after + 1)
        others[span] = np.maximum(others[span], looks[place][0])
        lips[span] = np.minimum(lips[span], looks[place][1])
        if after in looks:
            others[span] = np.maximum(others[span], looks[after][0])
            lips[span] = np.minimum(lips[span], looks[after][1])
    return others, lips


def lip_contrast(frame: np.ndarray, landmarks: np.ndarray) -> float:
    """Distance in color (CIELAB) of the lips from the skin around them; see docs/prepare.md.

    FaceMesh puts lips on masks and hands as well. 0 where a cloth or hand of one color covers the mouth, or the mouth
    is outside of the picture; what has a pattern is not told from lips.

    Args:
        frame: uint8 (H, W, 3) RGB.
        landmarks: (478, 3) in its pixels.
    """
    import cv2

    outer, inner = landmarks[OUTER_LIPS, :2], landmarks[INNER_LIPS, :2]
    middle = outer.mean(0)
    reach = middle + (outer - middle) * RING[1]
    x0, y0 = np.maximum(np.floor(reach.min(0)), 0).astype(int)
    x1, y1 = np.ceil(np.maximum(reach.max(0), 0)).astype(int) + 1
    part = frame[y0:y1, x0:x1]
    if not part.size:
        return 0.0
    lab = cv2.cvtColor(part.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)

    def filled(points: np.ndarray) -> np.ndarray:
        mask = np.zeros(part.shape[:2], np.uint8)
        return cv2.fillPoly(mask, [np.round(points - (x0, y0)).astype(np.int32)], (1,)) > 0

    lips = filled(outer) & ~filled(inner)
    skin = filled(reach) & ~filled(middle + (outer - middle) * RING[0])
    if not lips.any() or not skin.any():
        return 0.0
    return float(np.linalg.norm(np.median(lab[lips], 0) - np.median(lab[skin], 0)))
