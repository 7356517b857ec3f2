"""The training of GoHD's face animator (docs/gohd-face.md)."""

from emo.training.gohd_face.config import GoHDFaceConfig
from emo.training.gohd_face.stage import GoHDFaceStage

__all__ = ["GoHDFaceConfig", "GoHDFaceStage"]
