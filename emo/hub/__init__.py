"""Where weights come from: random, public models, the folder that comes with the package, or the Hub; and systems."""

from emo.hub.audio_encoder import fetch_audio_encoder
from emo.hub.autoencoder import build_vae, load_vae
from emo.hub.build import build_audio_encoder, build_pipeline
from emo.hub.locate import locate_model
from emo.hub.model_config import ModelConfig, load_model_config
from emo.hub.pretrained import import_pipeline
from emo.hub.registry import load_pipeline, system_of, system_of_config
from emo.hub.system import System
from emo.hub.transfer import model_card, pull_folder, push_folder

__all__ = [
    "ModelConfig",
    "System",
    "build_audio_encoder",
    "build_pipeline",
    "build_vae",
    "fetch_audio_encoder",
    "import_pipeline",
    "load_model_config",
    "load_pipeline",
    "load_vae",
    "locate_model",
    "model_card",
    "pull_folder",
    "push_folder",
    "system_of",
    "system_of_config",
]
