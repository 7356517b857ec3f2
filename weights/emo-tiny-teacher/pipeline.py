from emo import EMOPipeline

__all__ = ['EMOPipeline']
