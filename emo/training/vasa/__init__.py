"""The training of VASA-1's motion model."""

from emo.training.vasa.config import VASAMotionConfig
from emo.training.vasa.stage import VASAMotionStage

__all__ = ["VASAMotionConfig", "VASAMotionStage"]
