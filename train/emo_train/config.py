"""Checked configurations: a YAML file over structured defaults, and `key=value` arguments over both."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import diffusers.utils.logging
import transformers.utils.logging
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from emo.cli.quiet import quiet_libraries, quiet_loading
from emo.errors import ConfigError, EmoError


@dataclass
class OptimizerConfig:
    """The optimiser and its learning rate over time; see docs/training.md."""

    name: str = "adamw"
    learning_rate: float = 1e-5
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    schedule: str = "constant"
    warmup_steps: int = 0
    decay_share: float = 1.0
    final_factor: float = 0.0
    max_grad_norm: float = 1.0


@dataclass
class LoopConfig:
    """What the loop needs, whatever trains; see docs/training.md."""

    output: str = MISSING
    steps: int = MISSING
    seed: int = 0
    accumulation: int = 1
    mixed_precision: str | None = None
    ema_decay: float = 0.0
    save_every: int = 1000
    keep_last: int = 3
    validate_every: int = 0
    export_every: int = 0
    log_every: int = 10
    tensorboard: bool = True
    stop_after_seconds: float | None = None
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
        ConfigError: the file cannot be read, or a key is unknown, missing or of the wrong kind; the message names it.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, help="YAML file, such as configs/train/emo-tiny/stage1.yaml")
    parser.add_argument("--resume", metavar="latest|FOLDER", help="go on from a checkpoint, if there is one")
    parser.add_argument("--debug", action="store_true", help="show the libraries' messages and tracebacks")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="such as train.steps=100")
    options = parser.parse_intermixed_args(arguments)
    return Settings(load_config(schema, options.config, options.overrides), options.resume)


def load_config(schema: type, path: Path | None, overrides: Sequence[str] = ()) -> Any:
    """An object of the schema; see `load_settings`."""
    if path is not None and not path.is_file():
        raise ConfigError(f"{path}: no such file")
    for override in overrides:
        if "=" not in override:
            raise ConfigError(f"{override!r} is not of the form key=value")
    where = str(path or "the configuration")
    try:  # the structured defaults come first, or unknown keys would pass
        config = OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.load(path) if path else {})
        where = "the command line" if overrides else where
        config = OmegaConf.merge(config, OmegaConf.from_dotlist(list(overrides)))
        if missing := sorted(OmegaConf.missing_keys(config)):
            raise ConfigError(f"{missing[0]} is not set; give {missing[0]}=... or set it in the file")
        return OmegaConf.to_object(config)
    except (OmegaConfBaseException, YAMLError) as error:
        key = getattr(error, "full_key", None)
        raise ConfigError(f"{where}: {key or 'the file'}: {str(error).splitlines()[0]}") from None


def record_config(config: Any, path: Path) -> list[str]:
    """Write a configuration for whoever looks at the run later.

    Returns:
        What differs from the one that was there before, as `key: before → now`.
    """
    now = OmegaConf.structured(config)
    before = OmegaConf.load(path) if path.exists() else now
    path.parent.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(now, path)
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
    try:
        return main() or 0
    except EmoError as error:
        if debug:
            raise
        print(f"train: {str(error).strip().splitlines()[-1]}", file=sys.stderr)  # a loader's worker adds a traceback
        return 2
