"""Where a clip is cut out of the picture: one square for all of its frames, with a margin, inside the picture."""

import numpy as np

from emo.data.prepare.config import PrepareConfig
from emo.data.prepare.filters import CLOSE, LEAVES
from emo.face import FACE_SHARE, Box, Crop
from emo.face.crop import MAX_SHIFT


def clip_crop(boxes: np.ndarray, size: tuple[int, int], config: PrepareConfig) -> Crop | str:
    """The crop about a clip's face, or the reason why there is none.

    The face fills FACE_SHARE of the square as in portraits, more where the picture ends nearby, up to `max_face`.

    boxes: (T, 4) of the face; size: height, width of the picture.
    """
    low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    center = (low + high) / 2
    face = float(np.median(np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])))
    room = min(*center, size[1] - center[0], size[0] - center[1]) / (0.5 - MAX_SHIFT)
    side = min(face / FACE_SHARE, room, *size)
    if face > config.filters.max_face * side:
        return CLOSE
    if (high - low).max() > config.filters.max_drift * side:
        return LEAVES
    half = face / 2
    box = Box(center[0] - half, center[1] - half, center[0] + half, center[1] + half)
    return Crop.around(box, size, height=config.size, width=config.size, share=face / side)
