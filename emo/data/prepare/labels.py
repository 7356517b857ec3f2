"""What a real clip is labeled with, measured on its face track; names and units are those of synthetic clips."""

import numpy as np

from emo.data.format import FACE_POINTS
from emo.face import FACE_SHARE, Crop, head_pose, smooth
from emo.face.mesh import EYES, INNER_LIPS_MIDDLE, MOUTH_CORNERS, NOSE_TIP
from emo.metrics import blink, brow, gaze, head_angles, mouth_opening, mouth_width, rotation_speed
from emo.motion.reading import FULL_LOOK, FULL_RAISE

OTHERS = [NOSE_TIP, *MOUTH_CORNERS, *INNER_LIPS_MIDDLE]  # those of FACE_POINTS after the eyes
SIGMA = 1.0  # frames over which places are smoothed: they shiver by a pixel


def run_labels(landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """Labels of a stretch (T, 478, 3) of one face whatever its crop, each (T,): head, mouth, eyes and brows.

    Taken over the whole stretch, so that clips cut from it have no ends of their own to smooth. Everybody's eyes and
    brows rest at another reading: their labels count from the stretch's median.
    """
    angles = head_angles(landmarks)
    gaze_x, gaze_y = gaze(landmarks)
    return {
        "rotation_speed": rotation_speed(landmarks),
        "yaw": angles.yaw,
        "pitch": angles.pitch,
        "roll": angles.roll,
        "mouth_open": mouth_opening(landmarks),
        "mouth_width": mouth_width(landmarks),
        "blink": blink(landmarks),
        "gaze_x": _from_rest(gaze_x) / FULL_LOOK[0],
        "gaze_y": _from_rest(gaze_y) / FULL_LOOK[1],
        "brow": _from_rest(brow(landmarks)) / FULL_RAISE,
    }


def _from_rest(readings: np.ndarray) -> np.ndarray:
    return readings - np.median(readings)


def place_labels(landmarks: np.ndarray, crop: Crop) -> dict[str, np.ndarray]:
    """Labels of a stretch (T, 478, 3) in pixels of a crop.

    Returns:
        face_box (T, 4) and points (T, 7, 2); tx, ty (T,): shift of the head to the right and up against the middle of
        the picture, in halves of its side; scale (T,): size of the head against the one that fills FACE_SHARE of the
        picture; distance (T,): of the camera, see `emo.data.format`.
    """
    placed = crop.place(smooth(landmarks[..., :2].astype(np.float64), SIGMA))
    low, high = placed.min(1), placed.max(1)
    eyes = np.stack([placed[:, eye.corners].mean(1) for eye in EYES], 1)
    points = np.concatenate([eyes, placed[:, OTHERS]], 1)
    assert points.shape[1] == len(FACE_POINTS)
    face = np.median(np.max(high - low, 1)) / (FACE_SHARE * crop.width)
    sizes = np.array([head_pose(frame).size for frame in smooth(landmarks.astype(np.float64))])
    scale = sizes / np.median(sizes) * face
    shift = (low + high) / (crop.width, crop.height) - 1
    return {
        "face_box": np.concatenate([low, high], 1),
        "points": points,
        "tx": shift[:, 0],
        "ty": -shift[:, 1],
        "scale": scale,
        "distance": 1 / scale,
    }
