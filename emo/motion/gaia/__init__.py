"""GAIA's networks: a frame as appearance and motion, and motion from speech (docs/gaia.md)."""

from emo.motion.gaia.animator import LatentAnimator, LatentAppearance
from emo.motion.gaia.autoencoder import MotionAppearanceOutput, MotionAppearanceVAE
from emo.motion.gaia.conformer import MotionConformer
from emo.motion.gaia.landmark_motion import encode_landmarks
from emo.motion.gaia.latents import latent_space, measured_latents
from emo.motion.gaia.speech import PosePredictor, SpeechEncoder
from emo.motion.gaia.vp_sde import vp_sde_scheduler

__all__ = [
    "LatentAnimator",
    "LatentAppearance",
    "MotionAppearanceOutput",
    "MotionAppearanceVAE",
    "MotionConformer",
    "PosePredictor",
    "SpeechEncoder",
    "encode_landmarks",
    "latent_space",
    "measured_latents",
    "vp_sde_scheduler",
]
