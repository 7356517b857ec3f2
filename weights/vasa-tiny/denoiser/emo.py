from emo import HolisticMotionTransformer

__all__ = ['HolisticMotionTransformer']
