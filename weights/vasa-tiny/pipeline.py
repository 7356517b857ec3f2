from emo import VASAPipeline

__all__ = ['VASAPipeline']
