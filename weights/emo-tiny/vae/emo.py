from emo import PatchAutoencoder

__all__ = ['PatchAutoencoder']
