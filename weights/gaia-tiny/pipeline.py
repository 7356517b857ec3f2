from emo import GAIAPipeline

__all__ = ['GAIAPipeline']
