from emo import ReferenceNet

__all__ = ['ReferenceNet']
