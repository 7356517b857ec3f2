"""The training of GAIA's motion models: told by sound, by landmarks, by sentences."""

from typing import Any

from accelerate import Accelerator

from emo.training.gaia.config import GAIAMotionConfig
from emo.training.gaia.instructed import InstructedStage
from emo.training.gaia.stage import GAIAMotionStage

__all__ = ["GAIAMotionConfig", "GAIAMotionStage", "InstructedStage", "motion_stage"]


def motion_stage(config: GAIAMotionConfig, accelerator: Accelerator) -> GAIAMotionStage:
    """The stage that a configuration means."""
    kind: Any = InstructedStage if config.state == "instructed" else GAIAMotionStage
    return kind(config, accelerator)
