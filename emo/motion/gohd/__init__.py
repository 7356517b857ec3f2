"""GoHD: poses by diffusion, expressions in two stages, and a face to navigate in (docs/gohd.md, docs/gohd-face.md)."""

from emo.motion.gohd.animator import NavigationAnimator, NavigationAppearance
from emo.motion.gohd.expression import EyeMotionGenerator, LipMapper
from emo.motion.gohd.face_reader import FaceReader, FaceReading
from emo.motion.gohd.parts import EXPRESSION, EYES, GAZE, POSE
from emo.motion.gohd.pose import PoseDenoiser, gohd_scheduler

__all__ = [
    "EXPRESSION",
    "EYES",
    "GAZE",
    "POSE",
    "EyeMotionGenerator",
    "FaceReader",
    "FaceReading",
    "LipMapper",
    "NavigationAnimator",
    "NavigationAppearance",
    "PoseDenoiser",
    "gohd_scheduler",
]
