from emo import MotionAppearanceVAE

__all__ = ['MotionAppearanceVAE']
