from emo import SpeedEncoder

__all__ = ['SpeedEncoder']
