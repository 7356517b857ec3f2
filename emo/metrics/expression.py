"""What eyes and brows do: their points free of the head's motion, for GoHD's SSIM_e and Var_e, and blinks."""

import numpy as np

from emo.errors import EmoError
from emo.face import rotations
from emo.face.measures import blink, check_landmarks
from emo.face.mesh import BROWS_68, EYES_68, OUTER_EYE_CORNERS

SHUT = 0.6
"""A blink starts where `blink` passes it."""

OPEN = 0.3
"""A blink ends where `blink` falls below it."""


def eye_and_brow_points(landmarks: np.ndarray) -> np.ndarray:
    """Eyes and brows in the head's own frame, (T, 478, 3) -> (T, 44): x, y of 22 points (GoHD, evaluation metrics).

    Turned to look straight ahead, from the middle of the eyes' outer corners, in distances of these corners.
    """
    points = check_landmarks(landmarks)
    points = points @ rotations(points)
    left, right = (points[:, corner] for corner in OUTER_EYE_CORNERS)
    points = points - (left + right)[:, None] / 2
    points = points / np.linalg.norm(right - left, axis=1)[:, None, None]
    return points[:, [*BROWS_68, *EYES_68], :2].reshape(len(points), -1)


def blink_rate(landmarks: np.ndarray, fps: float) -> float:
    """Blinks per minute, (T, 478, 3). Eyes that are shut when the track begins or ends count as one.

    Raises:
        EmoError: `fps` is not positive.
    """
    if not fps > 0:
        raise EmoError(f"fps must be positive, not {fps}")
    shut = False
    blinks = 0
    for closed in blink(landmarks):
        if not shut and closed > SHUT:
            shut = True
            blinks += 1
        elif shut and closed < OPEN:
            shut = False
    return blinks * 60 * fps / len(landmarks)
