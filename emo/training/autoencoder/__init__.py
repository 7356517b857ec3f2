"""The training of an autoencoder between pictures and latents."""

from emo.training.autoencoder.config import AutoencoderTrainingConfig
from emo.training.autoencoder.stage import AutoencoderStage

__all__ = ["AutoencoderTrainingConfig", "AutoencoderStage"]
