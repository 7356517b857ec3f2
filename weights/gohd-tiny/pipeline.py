from emo import GoHDPipeline

__all__ = ['GoHDPipeline']
