"""The training of VASA-1's face model."""

from emo.training.vasa_face.config import VASAFaceConfig
from emo.training.vasa_face.stage import VASAFaceStage

__all__ = ["VASAFaceConfig", "VASAFaceStage"]
