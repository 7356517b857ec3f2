"""GoHD's motion: poses by diffusion, expressions in two stages (docs/gohd.md)."""

from emo.motion.gohd.expression import EyeMotionGenerator, LipMapper
from emo.motion.gohd.parts import EXPRESSION, EYES, GAZE, POSE
from emo.motion.gohd.pose import PoseDenoiser, gohd_scheduler

__all__ = [
    "EXPRESSION",
    "EYES",
    "GAZE",
    "POSE",
    "EyeMotionGenerator",
    "LipMapper",
    "PoseDenoiser",
    "gohd_scheduler",
]
