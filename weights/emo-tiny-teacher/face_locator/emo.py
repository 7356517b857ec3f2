from emo import FaceLocator

__all__ = ['FaceLocator']
