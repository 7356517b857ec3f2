"""What GAIA's autoencoder makes of every clip's landmarks: latents of its motion, kept."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from emo.data.features import CachedFeature
from emo.data.reader import ClipReader
from emo.data.samples.landmarks import clip_landmarks
from emo.face.landmark_map import landmark_map
from emo.motion.gaia import MotionAppearanceVAE
from emo.motion.gaps import fill_gaps

LATENTS = "motion_latents"
CHUNK = 32  # frames encoded at a time


def motion_latent_feature(vae: MotionAppearanceVAE) -> CachedFeature:
    """`motion_latents` (T, D) of clips with faces, or with labels of landmarks; float32. Where a frame shows no face,
    landmarks are those between the frames around."""
    return CachedFeature({"vae": vae}, partial(_latents, vae=vae))


@torch.no_grad()
def _latents(reader: ClipReader, number: int, *, vae: MotionAppearanceVAE) -> Tensor | None:
    landmarks = clip_landmarks(reader, number)
    if landmarks is None or not (known := landmarks.isfinite().all(dim=(1, 2))).any():
        return None
    points = fill_gaps(landmarks.numpy(), known.numpy())
    size = vae.config["sample_size"]
    parts = []
    for start in range(0, len(points), CHUNK):
        maps = np.stack([landmark_map(face * size, size, size) for face in points[start : start + CHUNK]])
        pictures = torch.from_numpy(maps).movedim(-1, 1).to(vae.device, vae.dtype) / 127.5 - 1
        parts.append(vae.encode_motion(pictures).mode().flatten(1).float().cpu())
    return torch.cat(parts)
