from emo import ReferenceAutoencoder

__all__ = ['ReferenceAutoencoder']
