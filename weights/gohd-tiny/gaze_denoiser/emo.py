from emo import PoseDenoiser

__all__ = ['PoseDenoiser']
