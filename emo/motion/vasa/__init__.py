"""VASA-1's motion model and face model (docs/vasa.md, docs/vasa-face.md)."""

from emo.motion.vasa.animator import VolumeAnimator, VolumeAppearance
from emo.motion.vasa.denoiser import CONDITIONS, HolisticMotionTransformer

__all__ = ["CONDITIONS", "HolisticMotionTransformer", "VolumeAnimator", "VolumeAppearance"]
