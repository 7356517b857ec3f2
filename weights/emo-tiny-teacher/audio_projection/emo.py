from emo import AudioProjection

__all__ = ['AudioProjection']
