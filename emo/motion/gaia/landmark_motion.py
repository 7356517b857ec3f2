"""Landmarks of faces as motion: each drawn as a picture, and encoded by E_M (GAIA, 4.1)."""

import numpy as np
import torch
from torch import Tensor

from emo.face.landmark_map import landmark_map
from emo.motion.gaia.autoencoder import MotionAppearanceVAE
from emo.motion.pictures import picture_batch

CHUNK = 32  # faces encoded at a time


@torch.no_grad()
def encode_landmarks(vae: MotionAppearanceVAE, points: np.ndarray) -> Tensor:
    """The modes of z_m of faces, flattened.

    Args:
        vae: with E_M.
        points: landmarks (T, 478, 2) of faces framed as portraits are, x and y as shares of the picture's sides.

    Returns:
        (T, D) float32 on the CPU.
    """
    size, like = vae.config["sample_size"], torch.empty(0, device=vae.device, dtype=vae.dtype)
    parts = []
    for start in range(0, len(points), CHUNK):
        maps = [landmark_map(face * size, size, size) for face in points[start : start + CHUNK]]
        latents = vae.encode_motion(picture_batch(maps, like, "GAIA")).mode()
        parts.append(latents.flatten(1).float().cpu())
    return torch.cat(parts)
