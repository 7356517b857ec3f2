"""The training of what VASA-1's face model reads poses with."""

from emo.training.vasa_pose.config import VASAPoseConfig
from emo.training.vasa_pose.stage import VASAPoseStage

__all__ = ["VASAPoseConfig", "VASAPoseStage"]
