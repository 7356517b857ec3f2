"""The training of GoHD's motion."""

from emo.training.gohd.config import GoHDEyeConfig, GoHDLipConfig, GoHDPoseConfig, GoHDReaderConfig
from emo.training.gohd.eyes_stage import GoHDEyeStage
from emo.training.gohd.lips_stage import GoHDLipStage
from emo.training.gohd.pose_stage import GoHDPoseStage
from emo.training.gohd.reader_stage import GoHDReaderStage

__all__ = [
    "GoHDEyeConfig",
    "GoHDEyeStage",
    "GoHDLipConfig",
    "GoHDLipStage",
    "GoHDPoseConfig",
    "GoHDPoseStage",
    "GoHDReaderConfig",
    "GoHDReaderStage",
]
