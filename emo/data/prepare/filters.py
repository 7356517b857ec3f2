"""GAIA's filters (A.1): which frames of a tracked face can be trained on, why others cannot, and the clips' crop."""

from enum import Enum
from itertools import pairwise

import numpy as np

from emo.data.prepare.config import FilterConfig, PrepareConfig
from emo.data.prepare.faces import SceneTrack
from emo.face import FACE_SHARE, Box, Crop, head_pose, smooth
from emo.face.crop import MAX_SHIFT
from emo.face.mesh import LIP_BOTTOM, LIP_TOP, MOUTH_CORNERS, NOSE_ROOT, NOSE_TIP, OUTER_EYE_CORNERS
from emo.metrics import mouth_opening

STABLE = [NOSE_TIP, NOSE_ROOT]  # neither mouth nor lids move them
LIP_WINDOW = 12  # frames to either side over which the mouth's motion is measured


class Reason(str, Enum):
    """Why frames are dropped, as the report says it; where several hold, the first in this order is the reason."""

    MISSING = "picture missing"
    NO_FACE = "no face"
    SEVERAL = "several faces"
    SMALL = "face too small"
    CUT = "face cut off by the border"
    TURNED = "face turned away"
    FAST = "rapid movement"
    COVERED = "mouth not visible"
    QUIET = "not speaking"
    CLOSE = "no room around the face"
    LEAVES = "face leaves the crop"
    DUBBED = "lips do not follow the sound"
    SHORT = "too short"

    __str__ = str.__str__
    __format__ = str.__format__


def visual_faults(track: SceneTrack, size: tuple[int, int], config: FilterConfig) -> dict[Reason, np.ndarray]:
    """Reasons to drop frames by their picture, each (T,) bool.

    Args:
        track: of the face.
        size: height, width of the picture.
        config: the thresholds.
    """
    box, points = track.boxes, track.landmarks
    sides = np.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1])
    some = track.found & (sides > 0)
    sides = np.where(some, sides, 1)
    height, width = size
    over = np.max([-box[:, 0], -box[:, 1], box[:, 2] - width, box[:, 3] - height], 0) / sides
    mouth = points[:, [*MOUTH_CORNERS, LIP_TOP, LIP_BOTTOM], :2]
    hidden = ((mouth < 0) | (mouth > (width, height))).any((1, 2))
    poses = [head_pose(p) if ok else None for p, ok in zip(points, some, strict=True)]
    tilted = [
        pose is not None and (abs(pose.pitch) > config.max_pitch or abs(pose.roll) > config.max_roll) for pose in poses
    ]
    faults = {
        Reason.NO_FACE: ~some,
        Reason.SEVERAL: some & (track.others > config.other_face),
        Reason.SMALL: some & (sides < config.min_face),
        Reason.CUT: some & (over > config.max_cut),
        Reason.TURNED: some & ((np.abs(nose_angles(points) - 180) > config.max_angle) | np.array(tilted)),
        Reason.FAST: some & (_moves(points, sides, some) > config.max_move),
        Reason.COVERED: some & ((track.lips < config.min_lips) | hidden),
    }
    return {reason: where & ~track.missing for reason, where in faults.items()} | {Reason.MISSING: track.missing}


def nose_angles(landmarks: np.ndarray) -> np.ndarray:
    """GAIA's measure of frontality, (T, 478, 3) -> (T,) degrees: 180 from the front.

    Seen from the tip of the nose, the angle up to the one eye's outer corner and that to the other's, both from the
    horizontal; the head's own, so that a tilt does not count. About as far from 180 as the head is turned.
    """
    nose = landmarks[:, NOSE_TIP, :2]
    left, right = (landmarks[:, corner, :2] - nose for corner in OUTER_EYE_CORNERS)
    along = (right - left) / np.maximum(np.linalg.norm(right - left, axis=1, keepdims=True), 1e-6)

    def angle(to: np.ndarray) -> np.ndarray:
        return np.arctan2(along[:, 1] * to[:, 0] - along[:, 0] * to[:, 1], (along * to).sum(1))

    return np.degrees(angle(left) % (2 * np.pi) + angle(right))


def _moves(points: np.ndarray, sides: np.ndarray, some: np.ndarray) -> np.ndarray:
    """The farthest that the nose, the face's middle or its width go from the frame before, (T,) in face lengths."""
    places = np.concatenate([points[:, STABLE, :2], points[..., :2].mean(1, keepdims=True)], 1)
    widths = points[..., 0].max(1) - points[..., 0].min(1)
    steps = np.linalg.norm(np.diff(places, axis=0), axis=2).max(1, initial=0)
    steps = np.maximum(steps, np.abs(np.diff(widths))) / sides[1:]
    return np.concatenate([[0.0], np.where(some[1:] & some[:-1], steps, 0.0)])


def silent_frames(opening: np.ndarray, loudness: np.ndarray, fps: float, config: FilterConfig) -> np.ndarray:
    """Frames of a face in view on which nobody is speaking, (T,) bool.

    Speaking is a voice and a mouth that moves at the same time; pauses of up to `max_pause` count as speech.

    Args:
        opening: (T,) of the mouth, in eye distances.
        loudness: (T,) of the voice, 0 ... 1.
        fps: frames per second.
        config: the thresholds.
    """
    voiced = (loudness > config.loud) & (_spread(smooth(opening, 1.0)) > config.min_lip_motion)
    longest = max(1, round(config.max_pause * fps))
    silent = np.zeros(len(opening), bool)
    for start, stop in runs(~voiced):
        silent[start:stop] = stop - start > longest
    return silent


def openings(track: SceneTrack) -> np.ndarray:
    """The mouth's opening on every frame, (T,) in eye distances; 0 where there is no face."""
    values = np.zeros(len(track))
    if track.found.any():
        values[track.found] = mouth_opening(track.landmarks[track.found])
    return values


def runs(good: np.ndarray) -> list[tuple[int, int]]:
    """Start and end of the stretches of True, (T,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def divide(start: int, stop: int, longest: int) -> list[tuple[int, int]]:
    """A stretch in equal parts of at most `longest` frames."""
    parts = -(-(stop - start) // longest)
    edges = [start + (stop - start) * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))


def _spread(values: np.ndarray) -> np.ndarray:
    """Standard deviation within LIP_WINDOW frames to either side, (T,) -> (T,)."""
    padded = np.pad(values, LIP_WINDOW, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * LIP_WINDOW + 1).std(1)


def clip_crop(boxes: np.ndarray, size: tuple[int, int], config: PrepareConfig) -> Crop | Reason:
    """The crop about a clip's face, or the reason why there is none.

    It is one square for all frames, inside the picture. The face fills FACE_SHARE of it as in portraits, more where
    the picture ends nearby, up to `max_face`.

    Args:
        boxes: (T, 4) of the face.
        size: height, width of the picture.
        config: the size of clips, and how far the face may come to the crop's border.
    """
    low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    center = (low + high) / 2
    face = float(np.median(np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])))
    room = min(*center, size[1] - center[0], size[0] - center[1]) / (0.5 - MAX_SHIFT)
    side = min(face / FACE_SHARE, room, *size)
    if face > config.filters.max_face * side:
        return Reason.CLOSE
    if (high - low).max() > config.filters.max_drift * side:
        return Reason.LEAVES
    half = face / 2
    box = Box(center[0] - half, center[1] - half, center[0] + half, center[1] + half)
    return Crop.around(box, size, height=config.size, width=config.size, share=face / side)
