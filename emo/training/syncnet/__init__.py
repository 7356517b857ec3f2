"""The training of a SyncNet."""

from emo.training.syncnet.config import SyncNetTrainingConfig
from emo.training.syncnet.stage import SyncNetStage

__all__ = ["SyncNetStage", "SyncNetTrainingConfig"]
