"""The training of what VASA-1's face model reads motion with."""

from emo.training.vasa_codes.config import VASACodesConfig
from emo.training.vasa_codes.stage import VASACodesStage

__all__ = ["VASACodesConfig", "VASACodesStage"]
