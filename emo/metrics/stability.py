"""Where a face's points are and how steadily they move: GAIA's average keypoint distance and motion stability index.

Both in pixels of a picture of HEIGHT pixels, whatever its real size: only so can numbers be compared.
"""

from collections.abc import Sequence

import numpy as np

from emo.errors import EmoError
from emo.face.measures import check_landmarks
from emo.face.mesh import NUM_SKIN_LANDMARKS

HEIGHT = 256


def keypoint_distance(
    one: np.ndarray,
    other: np.ndarray,
    height: int,
    other_height: int | None = None,
    points: Sequence[int] | None = None,
) -> float:
    """AKD of GAIA: mean distance of two videos' landmarks in the picture's plane, 0 for equal ones.

    Args:
        one: (T, 478, 3) in pixels.
        other: (T, 478, 3) in pixels; of different lengths, the frames that both have are compared.
        height: of the first video's pictures in pixels.
        other_height: of the second's, by default the same.
        points: numbers of the landmarks that count, by default all.

    Raises:
        EmoError: landmarks of another shape.
    """
    one = check_landmarks(one)[..., :2] * (HEIGHT / height)
    other = check_landmarks(other)[..., :2] * (HEIGHT / (other_height or height))
    frames = min(len(one), len(other))
    apart = np.linalg.norm(one[:frames] - other[:frames], axis=-1)
    return float((apart if points is None else apart[:, list(points)]).mean())


def motion_stability(landmarks: np.ndarray, height: int) -> float:
    """MSI of GAIA, after StableFace (Ling et al. 2022): the reciprocal of the variance of landmarks' acceleration.

    Acceleration is the second difference of a landmark's place, its variance that over time of x and y together, mean
    over all landmarks but the irises'. Higher is steadier; a face that stands still or glides evenly has infinity.

    Args:
        landmarks: (T, 478, 3) in pixels, not smoothed.
        height: of the pictures in pixels.

    Raises:
        EmoError: landmarks of another shape, or of fewer than 4 frames.
    """
    points = check_landmarks(landmarks)[:, :NUM_SKIN_LANDMARKS, :2] * (HEIGHT / height)
    if len(points) < 4:
        raise EmoError(f"{len(points)} frames are too few for a variance of accelerations: give 4 or more")
    variance = float(np.diff(points, n=2, axis=0).var(axis=0).sum(-1).mean())
    return 1 / variance if variance > 1e-12 else np.inf
