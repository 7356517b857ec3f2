"""The training of an articulation."""

from emo.training.articulation.config import ArticulationTrainingConfig
from emo.training.articulation.stage import ArticulationStage

__all__ = ["ArticulationStage", "ArticulationTrainingConfig"]
