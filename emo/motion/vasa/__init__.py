"""VASA-1's motion model (docs/vasa.md)."""

from emo.motion.vasa.denoiser import CONDITIONS, HolisticMotionTransformer

__all__ = ["CONDITIONS", "HolisticMotionTransformer"]
