from emo import BackboneUNet

__all__ = ['BackboneUNet']
