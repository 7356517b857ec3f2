from emo import MotionConformer

__all__ = ['MotionConformer']
