"""The training of a small audio encoder."""

from emo.training.audio_encoder.config import AudioEncoderTrainingConfig
from emo.training.audio_encoder.stage import AudioEncoderStage

__all__ = ["AudioEncoderStage", "AudioEncoderTrainingConfig"]
