"""The networks of the paper. They know tensors only: no files, pictures or sound."""

from emo.unets.attention import Attention, KeyValue
from emo.unets.audio_projection import AudioProjection
from emo.unets.backbone import BackboneUNet
from emo.unets.conditions import MotionMaps, PerSite, ReferenceFeatures, ReferenceKeyValues, ReferenceMaps
from emo.unets.face_locator import FaceLocator
from emo.unets.patch_autoencoder import PatchAutoencoder
from emo.unets.reference import ReferenceNet
from emo.unets.speed_encoder import SpeedEncoder

__all__ = [
    "Attention",
    "AudioProjection",
    "BackboneUNet",
    "FaceLocator",
    "KeyValue",
    "MotionMaps",
    "PatchAutoencoder",
    "PerSite",
    "ReferenceFeatures",
    "ReferenceKeyValues",
    "ReferenceMaps",
    "ReferenceNet",
    "SpeedEncoder",
]
