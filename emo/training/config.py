"""What configures the loop, whatever it trains, and the record of it beside a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from emo.bounds import SHARE, Choice, Name, Numbers, Several
from emo.config import key, read_yaml
from emo.errors import ConfigError
from emo.files import write_whole

MOST_STEPS = 99_999_999  # for which the names of checkpoints have digits
STEPS = Numbers(0, MOST_STEPS)
SEEDS = Numbers(0, 2**32 - 1)  # that numpy takes
BATCH = Numbers(1, 65536)
WORKERS = Numbers(0, 1024)


@dataclass
class OptimizerConfig:
    """An optimizer and its learning rate over time."""

    name: Annotated[str, Choice(("adamw", "adamw_8bit", "sgd"))] = key(
        "adamw", "`adamw`, `adamw_8bit` (bitsandbytes) or `sgd`"
    )
    learning_rate: Annotated[float, Numbers(0, 100, above=True)] = key(1e-5, "at its highest")
    betas: Annotated[list[float], Several(Numbers(0, 1, below=True), 2)] = key([0.9, 0.999], "AdamW's")
    epsilon: Annotated[float, Numbers(0, 1, above=True)] = key(1e-8, "AdamW's")
    weight_decay: Annotated[float, Numbers(0, 100)] = key(0.01, "share of the weights taken off per unit of rate")
    schedule: Annotated[str, Choice(("constant", "linear", "cosine"))] = key(
        "constant", "how the rate falls: `constant` (it does not), `linear` or `cosine`"
    )
    warmup_steps: Annotated[int, STEPS] = key(0, "steps of linear rise")
    decay_share: Annotated[float, SHARE] = key(1.0, "share of the run, at its end, over which the rate falls")
    final_factor: Annotated[float, SHARE] = key(0.0, "to what share of it the rate falls")
    max_grad_norm: Annotated[float, Numbers(0, 1e6)] = key(1.0, "clipping; 0 for none")


@dataclass
class LoopConfig:
    """What the loop needs, whatever trains."""

    output: Annotated[str, Name()] = key(MISSING, "folder for everything")
    steps: Annotated[int, STEPS] = key(MISSING, "optimizer steps in all; 0 only writes what training starts from")
    seed: Annotated[int, SEEDS] = key(0, "of new weights, sampling, noise and dropping; 0 to 2³² - 1")
    accumulation: Annotated[int, Numbers(1, 65536)] = key(1, "batches per step")
    mixed_precision: Annotated[str | None, Choice(("no", "fp16", "bf16", "fp8"))] = key(
        None,
        "`no`, `fp16`, `bf16` or `fp8` (as far as accelerate finds a way); weights stay float32",
        unset="`accelerate launch`'s",
    )
    ema_decay: Annotated[float, Numbers(0, 1, below=True)] = key(
        0.0, "average that is validated and saved; warms up as (1 + t)/(10 + t)", unset="off"
    )
    save_every: Annotated[int, STEPS] = key(1000, "steps between checkpoints; 0: only at the end")
    keep_last: Annotated[int, Numbers(0, 10**6)] = key(3, "how many checkpoints stay; 0: all")
    validate_every: Annotated[int, STEPS] = key(0, "steps between validations; one more at the end", unset="off")
    export_every: Annotated[int, STEPS] = key(0, "steps between writing `OUTPUT/model` before the end", unset="off")
    log_every: Annotated[int, Numbers(1, MOST_STEPS)] = key(10, "steps averaged in a log entry")
    tensorboard: bool = key(True, "write `OUTPUT/tensorboard`")
    stop_after_seconds: Annotated[float | None, Numbers(0, 1e9, above=True)] = key(
        None, "save and leave after so long", unset="never"
    )
    optimizer: OptimizerConfig = key(OptimizerConfig(), "the optimizer and its learning rate over time")

    def __post_init__(self):
        if self.mixed_precision == "False":  # what YAML makes of a bare no
            self.mixed_precision = "no"


@dataclass
class SoundClipsConfig:
    """Clips or tracks that motion is learned from, with their sounds, all of one rate."""

    root: Annotated[str, Name()] = key(MISSING, "folder of the dataset, in which sounds' features are kept, too")
    split: Annotated[str, Name()] = key("train", "split to learn from")
    held_out: Annotated[str, Name()] = key("test", "split for validation")
    batch_size: Annotated[int, BATCH] = key(32, "sequences per process and batch")
    workers: Annotated[int, WORKERS] = key(0, "loader processes per process")


def record_config(config: Any, path: Path) -> list[str]:
    """Write a configuration for whoever looks at the run later.

    Returns:
        What differs from the one that was there before, as `key: before → now`; nothing if that cannot be read.

    Raises:
        OutputError: it cannot be written.
    """
    now = OmegaConf.structured(config)
    try:
        before = read_yaml(path)
    except (ConfigError, OmegaConfBaseException, YAMLError):
        before = now
    write_whole(path, OmegaConf.to_yaml(now).encode())
    old, new = (dict(_flat(OmegaConf.to_container(each))) for each in (before, now))
    return [f"{key}: {old.get(key)} → {new.get(key)}" for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def _flat(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
