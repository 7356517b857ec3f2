"""Pictures as animators' networks see them, and back; and the face that a portrait must show."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from emo.errors import FaceError, OptionError
from emo.face import Face, FaceDetector, largest


def portrait_face(picture: np.ndarray) -> Face:
    """The face of a portrait (H, W, 3) uint8 RGB: of several the one in the middle, else the largest.

    A crop lies around the face that is animated, and a larger one may reach into it.

    Raises:
        FaceError: there is none.
    """
    with FaceDetector() as detector:
        faces = detector.detect(picture)
    if not faces:
        raise FaceError("no face found in the portrait", remedy="give a picture with one clearly visible face")
    height, width = picture.shape[:2]
    return largest([face for face in faces if face.box.holds(width / 2, height / 2)] or faces)


def picture_batch(pictures: Sequence[np.ndarray], like: Tensor, whose: str) -> Tensor:
    """Square pictures (S, S, 3) uint8 RGB of one size -> (B, 3, S, S) in -1 ... 1.

    Args:
        pictures: one or more.
        like: a tensor on the device and of the precision that are wanted.
        whose: what takes square ones alone, for the error.

    Raises:
        OptionError: they are not square.
    """
    for picture in pictures:
        height, width = picture.shape[:2]
        if height != width:
            raise OptionError(f"a picture of {width} x {height} pixels: {whose} draws square ones")
    return torch.from_numpy(np.stack(pictures)).movedim(-1, 1).to(like) / 127.5 - 1


def drawn_frames(drawn: Tensor) -> np.ndarray:
    """What a network drew, (B, 3, H, W) about in -1 ... 1 -> (B, H, W, 3) uint8."""
    return ((drawn.float().clamp(-1, 1) + 1) * 127.5).round().byte().movedim(1, -1).cpu().numpy()
