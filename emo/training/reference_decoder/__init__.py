"""The training of the decoder that is given the portrait."""

from emo.training.reference_decoder.config import ReferenceDecoderTrainingConfig
from emo.training.reference_decoder.stage import ReferenceDecoderStage

__all__ = ["ReferenceDecoderStage", "ReferenceDecoderTrainingConfig"]
