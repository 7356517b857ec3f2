"""The optimizer and how its learning rate changes over the run."""

import math
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from emo.errors import ConfigError
from emo.training.config import OptimizerConfig


def build_optimizer(groups: list[dict[str, Any]], config: OptimizerConfig) -> Optimizer:
    """AdamW, 8-bit AdamW of bitsandbytes, or SGD over groups that carry their own learning rates.

    Raises:
        ConfigError: bitsandbytes is not there.
    """
    adam = {"betas": tuple(config.betas), "eps": config.epsilon, "weight_decay": config.weight_decay}
    if config.name == "adamw":
        return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True, **adam)
    if config.name == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
    try:
        from bitsandbytes.optim import AdamW8bit  # pyright: ignore[reportMissingImports] (no dependency)
    except ImportError as error:
        raise ConfigError(
            f"train.optimizer.name=adamw_8bit needs bitsandbytes ({error}); pip install bitsandbytes, or use adamw"
        ) from None
    return AdamW8bit(groups, lr=config.learning_rate, **adam)


def build_schedule(optimizer: Optimizer, config: OptimizerConfig, steps: int) -> LambdaLR:
    """Warm-up, a constant rate, and a fall over the last `decay_share` of the run.

    diffusers' schedules always fall over the whole run; with `decay_share` 1 these equal them but for the first step,
    which is not lost at a rate of 0.
    """
    start = max(config.warmup_steps, round(steps * (1 - config.decay_share)))

    def factor(step: int) -> float:
        if step < config.warmup_steps:
            return (step + 1) / config.warmup_steps
        if config.schedule == "constant" or step <= start:
            return 1.0
        done = min(1.0, (step - start) / max(1, steps - start))
        fall = 1 - done if config.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2
        return config.final_factor + (1 - config.final_factor) * fall

    return LambdaLR(optimizer, factor)
