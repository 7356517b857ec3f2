from emo import EyeMotionGenerator

__all__ = ['EyeMotionGenerator']
