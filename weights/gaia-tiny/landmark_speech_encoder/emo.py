from emo import SpeechEncoder

__all__ = ['SpeechEncoder']
