"""Another mouth in the frames of a video: each is a portrait of its own, whose lower face is drawn anew."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from emo.face import Crop, head_pose, landmark_box
from emo.face.measures import mouth_opening, mouth_width
from emo.face.mesh import NOSE_TIP, OUTER_EYE_CORNERS, OVAL
from emo.motion.mesh.appearance import MeshAppearance
from emo.motion.mesh.mouth import MouthInside
from emo.motion.mesh.surroundings import smooth_step
from emo.motion.reading import ROUND, SPREAD
from emo.motion.space import CONTROLS

SHARE = 0.42  # of the crop's side, that the face takes
MARGIN = 0.10  # of the face's height, by which the mask reaches beyond the face's outline
SOFT = 0.035  # of the face's height: the mask's edge
TOP = (-0.08, 0.04)  # of the face's height below the tip of the nose, over which the mask begins
SIDEWAYS = (40.0, 60.0)  # degrees of yaw from which a mouth is drawn less and less, and not any more
JAWS = OVAL[OVAL.index(454) : OVAL.index(234) + 1]  # from ear to ear by the chin


@dataclass(frozen=True)
class MouthShape:
    """What a mouth is to do in one frame.

    Attributes:
        jaw: 0 closed lips, 1 wide open, as of the controls.
        wider: share of the mouth's resting width by which it is wider than at rest, below 0 narrower.
    """

    jaw: float
    wider: float

    @classmethod
    def of(cls, values: np.ndarray) -> "MouthShape":
        """Of controls (14,)."""
        control = dict(zip(CONTROLS.names, values.tolist(), strict=True))
        return cls(control["jaw"], SPREAD * control["width"] - ROUND * control["rounding"])


class MouthRedraw:
    """Draws the mouth of one person's video anew.

    Args:
        frames: some of the video, uint8 (h, w, 3), in whose open mouths the person's own teeth are looked for.
        landmarks: (478, 3) of each.
        spreads: of all frames' mouths, (T,), as `mouth_width` gives; their median is the rest.
    """

    def __init__(self, frames: Iterable[np.ndarray], landmarks: Iterable[np.ndarray], spreads: np.ndarray):
        self._rest = float(np.median(spreads))
        best: tuple[float, MouthInside, np.ndarray] | None = None
        for frame, points in zip(frames, landmarks, strict=True):
            inside = MouthInside(frame, points, match=True)
            if best is None or inside.shown > best[0]:
                best = inside.shown, inside, _facing(points)
        assert best is not None
        _, self._inside, self._facing = best

    def __call__(self, frame: np.ndarray, landmarks: np.ndarray, spread: float, shape: MouthShape) -> np.ndarray:
        """A frame with another mouth, uint8 (h, w, 3); outside of the lower face its pixels are the frame's own.

        Args:
            frame: uint8 (h, w, 3).
            landmarks: (478, 3) of its face.
            spread: of its mouth, as `mouth_width` gives, without noise from frame to frame.
            shape: of the mouth.
        """
        seen = smooth_step(np.array((SIDEWAYS[1] - abs(head_pose(landmarks).yaw)) / (SIDEWAYS[1] - SIDEWAYS[0])))
        if not seen:
            return frame
        height, width = frame.shape[:2]
        box = landmark_box(landmarks)
        side = round(box.side / SHARE)
        crop = Crop.around(box, (height, width), height=side, width=side, share=SHARE)
        corner = np.array([crop.x0, crop.y0, 0])
        picture, points = crop.apply(frame), landmarks - corner
        turned = _facing(landmarks) @ np.linalg.inv(self._facing)
        appearance = MeshAppearance(picture, points, self._inside, turned)
        control = dict.fromkeys(CONTROLS.names, np.zeros(1)) | {"scale": np.ones(1)}
        control["jaw"] = np.array([shape.jaw])
        control["width"] = np.array([(shape.wider - (spread / self._rest - 1)) / SPREAD])
        drawn, moved = appearance.draw(control)[0], appearance.vertices(control)[0]
        cover = lower_face(points, moved, (picture.shape[0], picture.shape[1])) * np.float32(seen)
        top, left = max(crop.y0, 0), max(crop.x0, 0)
        bottom, right = min(crop.y1, height), min(crop.x1, width)
        here = slice(top - crop.y0, bottom - crop.y0), slice(left - crop.x0, right - crop.x0)
        behind = frame[top:bottom, left:right].astype(np.float32)
        made = behind + cover[here][..., None] * (drawn[here] - behind)
        result = frame.copy()
        result[top:bottom, left:right] = np.rint(made)
        return result


def spreads_of(landmarks: np.ndarray) -> np.ndarray:
    """How wide the mouth is in each frame, (T, 478, 3) -> (T,)."""
    return mouth_width(landmarks)


def teeth_frames(landmarks: np.ndarray, found: np.ndarray, count: int = 12) -> list[int]:
    """Numbers of frames in which the mouth may show teeth best: the widest open ones, and one that is shut."""
    opening = np.where(found, mouth_opening(landmarks), -1.0)
    order = np.argsort(-opening, kind="stable")
    return sorted({*order[:count].tolist(), int(np.where(found, opening, np.inf).argmin())})


def lower_face(before: np.ndarray, after: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How much of a new lower face is seen, 0 to 1, float32 (h, w): all between nose and chin, nothing at the eyes.

    Args:
        before: (478, 3) landmarks of the face as it was.
        after: the same as it is drawn.
        shape: h and w.
    """
    height = float(np.linalg.norm(before[OVAL[0], :2] - before[152, :2]))
    outline = np.concatenate([before[JAWS, :2], after[JAWS, :2]])
    nose = before[NOSE_TIP, :2]
    down = before[152, :2] - before[OUTER_EYE_CORNERS, :2].mean(0)
    down = down / np.linalg.norm(down)
    level = float(nose @ down)
    low = outline[outline @ down > level]  # below the tip of the nose
    across = np.array([down[1], -down[0]])
    ends = (outline @ across).min(), (outline @ across).max()
    top = [level * down + end * across for end in ends]
    hull = cv2.convexHull(np.concatenate([low, np.array(top)]).astype(np.float32))
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), (255,), cv2.LINE_AA, 4)
    grown = 2 * max(1, round(MARGIN * height)) + 1
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grown, grown)))
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.7, SOFT * height))
    row, column = np.indices(shape, np.float32)
    below = (column * down[0] + row * down[1] - level) / height
    return soft * smooth_step((below - TOP[0]) / (TOP[1] - TOP[0])).astype(np.float32)


def _facing(landmarks: np.ndarray) -> np.ndarray:
    """How a small piece of a face that looks straight ahead is turned and scaled in the picture, (2, 2)."""
    pose = head_pose(landmarks)
    return pose.rotation[:2, :2] * pose.size
