"""A face's motion as a value, whatever makes it and whatever draws it (docs/motion.md)."""

from emo.motion.animator import Animator
from emo.motion.blocks import ConformerBlock, StepEmbedding, TransformerBlock
from emo.motion.controls import FaceControls
from emo.motion.impute import Imputation, impute
from emo.motion.mesh.animator import MeshAnimator
from emo.motion.mesh.appearance import MeshAppearance
from emo.motion.reading import read_landmarks
from emo.motion.space import CONTROLS, Column, MotionSpace
from emo.motion.track import MotionTrack
from emo.motion.windows import Window, Windowed, cut_window, plan_windows

__all__ = [
    "CONTROLS",
    "Animator",
    "Column",
    "ConformerBlock",
    "FaceControls",
    "Imputation",
    "MeshAnimator",
    "MeshAppearance",
    "MotionSpace",
    "MotionTrack",
    "StepEmbedding",
    "TransformerBlock",
    "Window",
    "Windowed",
    "cut_window",
    "impute",
    "plan_windows",
    "read_landmarks",
]
