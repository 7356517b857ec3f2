"""What GAIA's autoencoder makes of every clip's landmarks: latents of its motion, kept."""

from functools import partial

from torch import Tensor

from emo.data.features import CachedFeature
from emo.data.reader import ClipReader
from emo.data.samples.landmarks import clip_landmarks
from emo.motion.gaia import MotionAppearanceVAE, encode_landmarks
from emo.motion.gaps import fill_gaps

LATENTS = "motion_latents"


def motion_latent_feature(vae: MotionAppearanceVAE) -> CachedFeature:
    """`motion_latents` (T, D) of clips with faces, or with labels of landmarks; float32. Where a frame shows no face,
    landmarks are those between the frames around."""
    return CachedFeature({"vae": vae}, partial(_latents, vae=vae))


def _latents(reader: ClipReader, number: int, *, vae: MotionAppearanceVAE) -> Tensor | None:
    landmarks = clip_landmarks(reader, number)
    if landmarks is None or not (known := landmarks.isfinite().all(dim=(1, 2))).any():
        return None
    return encode_landmarks(vae, fill_gaps(landmarks.numpy(), known.numpy()))
