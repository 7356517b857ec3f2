"""The training of CAPP, which tells whether a head's motion and a sound go together."""

from emo.training.capp.config import CAPPTrainingConfig
from emo.training.capp.stage import CAPPStage

__all__ = ["CAPPStage", "CAPPTrainingConfig"]
