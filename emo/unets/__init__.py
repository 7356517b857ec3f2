"""The networks of the paper. They know tensors only: no files, pictures or sound.

Two are UNets, the backbone and the ReferenceNet, which give the package its name; it is part of the interface. With
them live the small networks around them (face locator, speed encoder, audio projection), an autoencoder for training
from scratch, and the windows of frames that audio and speed layers see.
"""

from emo.unets.attention import Attention, KeyValue
from emo.unets.audio_projection import AudioProjection
from emo.unets.backbone import BackboneUNet
from emo.unets.conditions import MotionMaps, PerSite, ReferenceKeyValues, ReferenceMaps, ReferenceNetOutput
from emo.unets.face_locator import FaceLocator
from emo.unets.patch_autoencoder import PatchAutoencoder
from emo.unets.reference import ReferenceNet
from emo.unets.reference_autoencoder import ReferenceAutoencoder
from emo.unets.reference_decoder import Drawing, Reference, ReferenceDecoder
from emo.unets.speed_encoder import SpeedEncoder
from emo.unets.whisper_encoder import WhisperAudioEncoder

__all__ = [
    "Attention",
    "AudioProjection",
    "BackboneUNet",
    "Drawing",
    "FaceLocator",
    "KeyValue",
    "MotionMaps",
    "PatchAutoencoder",
    "PerSite",
    "Reference",
    "ReferenceAutoencoder",
    "ReferenceDecoder",
    "ReferenceKeyValues",
    "ReferenceMaps",
    "ReferenceNet",
    "ReferenceNetOutput",
    "SpeedEncoder",
    "WhisperAudioEncoder",
]
