from emo import VolumeAnimator

__all__ = ['VolumeAnimator']
