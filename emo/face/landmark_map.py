"""Landmarks as a picture: lines along what FaceMesh's points outline, as networks of pictures see a face's motion."""

from itertools import pairwise

import numpy as np

from emo.face.mesh import (
    EYES,
    INNER_LIPS,
    LOWER_BROWS,
    NOSE_ROOT,
    NOSE_TIP,
    NOSE_UNDER_TIP,
    OUTER_LIPS,
    OVAL,
    UPPER_BROWS,
)

SKIN, LIDS, LOOK, LIPS = (255, 64, 64), (64, 255, 64), (255, 255, 64), (64, 64, 255)

RINGS = (
    (OVAL, SKIN),
    *(([*upper, *reversed(lower)], LIDS) for upper, lower in zip(UPPER_BROWS, LOWER_BROWS, strict=True)),
    *((eye.ring, LIDS) for eye in EYES),
    *(([iris + 1, iris + 2, iris + 3, iris + 4], LOOK) for iris in (eye.iris for eye in EYES)),
    (OUTER_LIPS, LIPS),
    (INNER_LIPS, LIPS),
)
"""Closed lines and their colors; the same left and right, so that a mirrored picture is that of a mirrored face."""

PATHS = (([NOSE_ROOT, 6, 197, 195, 5, NOSE_TIP, NOSE_UNDER_TIP, 2], SKIN), ([98, 97, 2, 326, 327], SKIN))
"""Open lines: the nose's ridge, and beneath it from side to side."""

SEGMENTS = tuple(
    (pair, color) for line, color in (*((ring + ring[:1], c) for ring, c in RINGS), *PATHS) for pair in pairwise(line)
)
FRACTION = 4  # binary digits of places between pixels
PIXELS_PER_WIDTH = 128  # of the picture's shorter side, for a pixel of a line's width


def landmark_map(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """Draw one face on black.

    Args:
        points: landmarks (478, 2 or more) in pixels of the picture, of which x and y are drawn.
        height: of the picture.
        width: of the picture.

    Returns:
        (height, width, 3) uint8 RGB, the same for the same points.
    """
    import cv2

    picture = np.zeros((height, width, 3), np.uint8)
    thickness = max(1, round(min(height, width) / PIXELS_PER_WIDTH))
    places = np.rint((points[:, :2].astype(np.float64) - 0.5) * 2**FRACTION)  # pixels' centers are whole to OpenCV
    places = places.clip(-(2**20), 2**20).astype(np.int64).tolist()
    for (start, end), color in SEGMENTS:
        cv2.line(picture, places[start], places[end], color, thickness, cv2.LINE_AA, FRACTION)
    return picture
