"""Distillation of EMO's backbone: guidance folded in, and few steps in place of many."""

from emo.training.emo_distillation.config import DistillationConfig
from emo.training.emo_distillation.stage import DistillationStage

__all__ = ["DistillationConfig", "DistillationStage"]
