"""Training: one loop for whatever trains, and what EMO's stages and its small parts add to it.

What the loop is made of knows no model:

- `loop`, `step`, `stage`: the loop, a step of it, and what it asks of a stage; `script`: what training scripts share;
- `config`, `optimizer`, `average`, `objective`, `reconstruction`, `mouth`, `lora`, `loader`: what stages are put
  together from;
- `state`, `resume`, `manifest`, `folders`, `signals`, `logs`: checkpoints, stopping and going on, and what is watched.

`emo`, `vasa`, `autoencoder`, `audio_encoder` and `syncnet` are what is trained; their scripts are in train/.

Names are imported from here when first asked for.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emo.training.config import LoopConfig, OptimizerConfig
    from emo.training.loop import make_accelerator, train
    from emo.training.objective import Objective, ObjectiveConfig, configure_scheduler
    from emo.training.script import run, train_stage
    from emo.training.stage import Stage, StageOptimizer
    from emo.training.step import DivergedError, TrainingStep

_EXPORTS = {
    "DivergedError": "emo.training.step",
    "LoopConfig": "emo.training.config",
    "Objective": "emo.training.objective",
    "ObjectiveConfig": "emo.training.objective",
    "OptimizerConfig": "emo.training.config",
    "Stage": "emo.training.stage",
    "StageOptimizer": "emo.training.stage",
    "TrainingStep": "emo.training.step",
    "configure_scheduler": "emo.training.objective",
    "make_accelerator": "emo.training.loop",
    "run": "emo.training.script",
    "train": "emo.training.loop",
    "train_stage": "emo.training.script",
}

__all__ = [
    "DivergedError",
    "LoopConfig",
    "Objective",
    "ObjectiveConfig",
    "OptimizerConfig",
    "Stage",
    "StageOptimizer",
    "TrainingStep",
    "configure_scheduler",
    "make_accelerator",
    "run",
    "train",
    "train_stage",
]


def __getattr__(name: str):
    if name not in _EXPORTS:
        raise AttributeError(f"module 'emo.training' has no attribute {name!r}")
    return getattr(importlib.import_module(_EXPORTS[name]), name)
