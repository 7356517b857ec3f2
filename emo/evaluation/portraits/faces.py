"""What is read of a face in a portrait, and of many to tell whose a face is."""

from pathlib import Path

import numpy as np

from emo.evaluation.face import face_in
from emo.face import prepare_portrait
from emo.media import load_image
from emo.metrics import identity_descriptor, sharpness

GALLERY_SIDE = 256  # pixels of the portraits among which a face is looked for


def cropped(path: Path, height: int, width: int) -> np.ndarray:
    """A portrait as models are given it, cut out at a size in pixels, uint8 (height, width, 3).

    Raises:
        EmoError: it cannot be read, or not be animated.
    """
    return prepare_portrait(load_image(path), height=height, width=width, name=str(path)).image


def face_sharpness(picture: np.ndarray, landmarks: np.ndarray) -> float:
    """`emo.metrics.sharpness` of the box around a face's landmarks."""
    low = np.floor(landmarks[:, :2].min(0)).astype(int).clip(0)
    high = np.ceil(landmarks[:, :2].max(0)).astype(int)
    return sharpness(np.ascontiguousarray(picture[low[1] : high[1], low[0] : high[0]]))


def describe(portrait: Path) -> np.ndarray:
    """Identity descriptor of a portrait, (D,).

    Raises:
        EmoError: it cannot be read, or shows no face to animate.
    """
    picture = cropped(portrait, GALLERY_SIDE, GALLERY_SIDE)
    return identity_descriptor(picture, face_in(picture, str(portrait)).landmarks)
