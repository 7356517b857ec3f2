"""The training of GAIA's speech-to-motion model."""

from emo.training.gaia.config import GAIAMotionConfig
from emo.training.gaia.stage import GAIAMotionStage

__all__ = ["GAIAMotionConfig", "GAIAMotionStage"]
