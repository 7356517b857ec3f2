"""GAIA's networks: a frame as appearance and motion, and motion from speech (docs/gaia.md)."""

from emo.motion.gaia.autoencoder import MotionAppearanceOutput, MotionAppearanceVAE
from emo.motion.gaia.conformer import MotionConformer
from emo.motion.gaia.latents import latent_space, measured_latents
from emo.motion.gaia.speech import PosePredictor, SpeechEncoder
from emo.motion.gaia.vp_sde import vp_sde_scheduler

__all__ = [
    "MotionAppearanceOutput",
    "MotionAppearanceVAE",
    "MotionConformer",
    "PosePredictor",
    "SpeechEncoder",
    "latent_space",
    "measured_latents",
    "vp_sde_scheduler",
]
