"""EMO's stages (3.3): its networks as one module, what a sample's draws are, and what the stages have in common."""

from emo.training.emo.config import ClipConfig, ClipDropConfig, DropConfig, EMOConfig
from emo.training.emo.networks import EMONetworks, is_audio, is_speed, is_temporal
from emo.training.emo.stage import EMOStage
from emo.training.emo.validation import validate_clips, validate_pictures

__all__ = [
    "ClipConfig",
    "ClipDropConfig",
    "DropConfig",
    "EMOConfig",
    "EMONetworks",
    "EMOStage",
    "is_audio",
    "is_speed",
    "is_temporal",
    "validate_clips",
    "validate_pictures",
]
