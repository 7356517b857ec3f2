from emo import NavigationAnimator

__all__ = ['NavigationAnimator']
