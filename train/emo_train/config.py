"""Checked configurations: a YAML file over structured defaults, and `key=value` arguments over both."""

import argparse
import errno
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import diffusers.utils.logging
import transformers.utils.logging
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from emo.bounds import SHARE, Choice, Name, Numbers, Several, check
from emo.cli.quiet import quiet_libraries, quiet_loading
from emo.errors import ConfigError, EmoError, first_line
from emo.media.files import write_whole
from emo_train.resume import find_checkpoint

MOST_STEPS = 99_999_999  # for which the names of checkpoints have digits
STEPS = Numbers(0, MOST_STEPS)
SEEDS = Numbers(0, 2**32 - 1)  # that numpy takes
BATCH = Numbers(1, 65536)
WORKERS = Numbers(0, 1024)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
NO_KEYS = "it does not hold keys and values; see configs/train"


@dataclass
class OptimizerConfig:
    """The optimiser and its learning rate over time; see docs/training.md."""

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
    mixed_precision: Annotated[str | None, Choice(("no", "fp16", "bf16"))] = None
    ema_decay: Annotated[float, Numbers(0, 1, below=True)] = 0.0
    save_every: Annotated[int, STEPS] = 1000
    keep_last: Annotated[int, Numbers(1, 10**6)] = 3
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


def load_config(schema: type, path: Path | None, overrides: Sequence[str] = ()) -> Any:
    """An object of the schema, with all values within their bounds; see `load_settings`."""
    config = OmegaConf.structured(schema)  # first, or unknown keys would pass
    if path is not None:
        with _named(str(path), "the file"):
            config.merge_with(_read(path))
    for override in overrides:
        key, equals, _ = override.partition("=")
        if not equals:
            raise ConfigError(f"{override!r} is not of the form key=value")
        with _named("the command line", key):
            config.merge_with_dotlist([override])
    for key in [override.partition("=")[0] for override in overrides if "${" in override]:
        with _named("the command line", key):  # what it refers to may be of the wrong kind
            OmegaConf.select(config, key)
    with _named(str(path), "the file"):
        if missing := sorted(OmegaConf.missing_keys(config)):
            raise ConfigError(f"{missing[0]} is not set; give {missing[0]}=... or set it in the file")
        config = OmegaConf.to_object(config)
    check(config)
    return config


def _read(path: Path) -> DictConfig:
    """The keys and values of a YAML file.

    Raises:
        ConfigError: there is none that can be read.
    """
    try:
        content = OmegaConf.load(path)
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: it is not text in UTF-8; give a YAML file") from None
    except OSError as error:  # without `strerror` where all that the file holds is a word or a number
        raise ConfigError(f"{path}: {(error.strerror or NO_KEYS).lower()}") from None
    if not isinstance(content, DictConfig):
        raise ConfigError(f"{path}: {NO_KEYS}")
    return content


@contextmanager
def _named(where: str, key: str) -> Iterator[None]:
    """Say where a mistake is that OmegaConf or YAML find, and under which key if they know."""
    try:
        yield
    except EmoError:
        raise
    except MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark and key == "the file" else ""
        raise ConfigError(f"{where}: {key}: {line}{error.problem or first_line(error)}") from None
    except (OmegaConfBaseException, YAMLError, TypeError, ValueError, OverflowError, RecursionError) as error:
        reason = first_line(error)  # which quotes the value
        reason = reason if len(reason) <= 200 else f"{reason[:100]} … {reason[-80:]}"
        raise ConfigError(f"{where}: {getattr(error, 'full_key', None) or key}: {reason}") from None


def record_config(config: Any, path: Path) -> list[str]:
    """Write a configuration for whoever looks at the run later.

    Returns:
        What differs from the one that was there before, as `key: before → now`; nothing if that cannot be read.

    Raises:
        OutputError: it cannot be written.
    """
    now = OmegaConf.structured(config)
    try:
        before = _read(path)
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
