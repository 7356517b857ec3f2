from emo import PosePredictor

__all__ = ['PosePredictor']
