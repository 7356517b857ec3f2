"""Frames enlarged by a network for super-resolution that the user gives: always whole frames, one at a time."""

from emo.upscale.load import load_upscaler
from emo.upscale.upscaler import Upscaler

__all__ = ["Upscaler", "load_upscaler"]
