from emo import MeshAnimator

__all__ = ['MeshAnimator']
