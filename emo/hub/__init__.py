"""Where weights come from: random, public models, the folder that comes with the package, or the Hub."""

from emo.hub.build import build_pipeline
from emo.hub.locate import locate_model
from emo.hub.model_config import ModelConfig, load_model_config
from emo.hub.pretrained import import_pipeline

__all__ = ["ModelConfig", "build_pipeline", "import_pipeline", "load_model_config", "locate_model"]
