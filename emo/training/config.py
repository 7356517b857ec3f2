"""Checked configurations: a YAML file over structured defaults, and `key=value` arguments over both."""

import argparse
import errno
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import diffusers.utils.logging
import transformers.utils.logging
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from emo.bounds import SHARE, Choice, Name, Numbers, Several
from emo.config import load_config, read_yaml
from emo.console import quiet_libraries, quiet_loading
from emo.errors import ConfigError, EmoError
from emo.files import write_whole
from emo.training.resume import find_checkpoint

MOST_STEPS = 99_999_999  # for which the names of checkpoints have digits
STEPS = Numbers(0, MOST_STEPS)
SEEDS = Numbers(0, 2**32 - 1)  # that numpy takes
BATCH = Numbers(1, 65536)
WORKERS = Numbers(0, 1024)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass
class OptimizerConfig:
    """The optimizer and its learning rate over time; see docs/training.md."""

    name: Annotated[str, Choice(("adamw", "adamw_8bit", "sgd"))] = "adamw"
    learning_rate: Annotated[float, Numbers(0, 100, above=True)] = 1e-5
    betas: Annotated[list[float], Several(Numbers(0, 1, below=True), 2)] = field(default_factory=lambda: [0.9, 0.999])
    epsilon: Annotated[float, Numbers(0, 1, above=True)] = 1e-8
    weight_decay: Annotated[float, Numbers(0, 100)] = 0.01
    schedule: Annotated[str, Choice(("constant", "linear", "cosine"))] = "constant"
    warmup_steps: Annotated[int, STEPS] = 0
    decay_share: Annotated[float, SHARE] = 1.0
    final_factor: Annotated[float, SHARE] = 0.0
    max_grad_norm: Annotated[float, Numbers(0, 1e6)] = 1.0


@dataclass
class LoopConfig:
    """What the loop needs, whatever trains; see docs/training.md."""

    output: Annotated[str, Name()] = MISSING
    steps: Annotated[int, STEPS] = MISSING
    seed: Annotated[int, SEEDS] = 0
    accumulation: Annotated[int, Numbers(1, 65536)] = 1
    mixed_precision: Annotated[str | None, Choice(("no", "fp16", "bf16", "fp8"))] = None
    ema_decay: Annotated[float, Numbers(0, 1, below=True)] = 0.0
    save_every: Annotated[int, STEPS] = 1000
    keep_last: Annotated[int, Numbers(0, 10**6)] = 3
    validate_every: Annotated[int, STEPS] = 0
    export_every: Annotated[int, STEPS] = 0
    log_every: Annotated[int, Numbers(1, MOST_STEPS)] = 10
    tensorboard: bool = True
    stop_after_seconds: Annotated[float | None, Numbers(0, 1e9, above=True)] = None
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)

    def __post_init__(self):
        if self.mixed_precision == "False":  # what YAML makes of a bare no
            self.mixed_precision = "no"


class Settings(NamedTuple):
    """config: an object of the schema. resume: `None`, "latest" or a checkpoint's folder."""

    config: Any
    resume: str | None


def load_settings(schema: type, arguments: Sequence[str] | None = None, description: str | None = None) -> Settings:
    """Read `--config FILE [--resume latest|FOLDER] [key=value ...]`.

    Args:
        schema: dataclass of the configuration; its defaults stand where file and arguments are silent.
        arguments: of the command line, its own by default.

    Raises:
        ConfigError: the file cannot be read, or a key is unknown, missing, of the wrong kind or out of its bounds, or
            the checkpoint to go on from is not there; the message names it.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, help="YAML file, such as configs/train/emo-tiny/stage1.yaml")
    parser.add_argument("--resume", metavar="latest|FOLDER", help="go on from a checkpoint, if there is one")
    parser.add_argument("--debug", action="store_true", help="show the libraries' messages and tracebacks")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="such as train.steps=100")
    options = parser.parse_intermixed_args(arguments)
    config = load_config(schema, options.config, options.overrides)
    find_checkpoint(Path(config.train.output), options.resume)  # or what is wrong with it is said after minutes
    return Settings(config, options.resume)


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


def _flat(values: dict, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def run(main: Callable[[], int | None]) -> int:
    """Run a script's main function; returns its exit status, 2 after an error that the user can mend."""
    debug = "--debug" in sys.argv
    if not debug:
        quiet_libraries()
        quiet_loading()
        diffusers.utils.logging.set_verbosity_error()  # they are imported already, and have read their environment
        transformers.utils.logging.set_verbosity_error()
        threading.excepthook = _thread_failed
    try:
        return main() or 0
    except EmoError as error:
        if debug:
            raise
        print(f"train: {error}", file=sys.stderr)
        return 2


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """TensorBoard's thread fails where a disk is full, and so does the main thread, which says it in a line."""
    if getattr(failure.exc_value, "errno", None) not in FULL:
        threading.__excepthook__(failure)
