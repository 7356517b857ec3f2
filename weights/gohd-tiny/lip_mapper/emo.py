from emo import LipMapper

__all__ = ['LipMapper']
