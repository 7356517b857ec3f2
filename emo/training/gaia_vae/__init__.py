"""The training of GAIA's autoencoder."""

from emo.training.gaia_vae.config import GAIAVAEConfig
from emo.training.gaia_vae.stage import GAIAVAEStage

__all__ = ["GAIAVAEConfig", "GAIAVAEStage"]
