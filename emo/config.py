"""Configurations as files and options say them: a YAML file over structured defaults, and `key=value` over both.

What there is to configure is a dataclass whose fields say all of it: kind, bound (`emo.bounds`), default and meaning.

    steps: Annotated[int, Numbers(0, 1000)] = key(100, "optimizer steps in all")

Tables in docs/ and comments in configs/ are made of these by `python docs/tables.py`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from emo.bounds import check
from emo.errors import ConfigError, EmoError, first_line

NO_KEYS = "it does not hold keys and values"
WHOLE = "the file"  # in place of a key where none is known

Value = TypeVar("Value")


@dataclass(frozen=True)
class Key:
    """What there is to know of one key of a configuration.

    Attributes:
        name: with those of the sections around it, such as `train.optimizer.betas`.
        default: `MISSING` where it must be given; of a section an object of its class.
        help: what it means, a line of Markdown.
        unset: what its default stands for, if it does not speak for itself; may be empty.
    """

    name: str
    default: Any
    help: str
    unset: str


def key(default: Value, help: str, *, unset: str = "") -> Value:
    """A field of a configuration; see `Key`. Lists and sections are copied for each object."""
    metadata = {"help": help, "unset": unset}
    if isinstance(default, list) or is_dataclass(default):
        return cast(Value, field(default_factory=lambda: deepcopy(default), metadata=metadata))
    return cast(Value, field(default=default, metadata=metadata))


def keys(schema: type, prefix: str = "") -> Iterator[Key]:
    """The keys of a configuration's class in their order, each section before what is in it."""
    for each in fields(schema):
        made = callable(each.default_factory)
        default = each.default_factory() if made else each.default  # type: ignore[misc] (dataclasses' sentinel)
        name = prefix + each.name
        yield Key(name, default, each.metadata.get("help", ""), each.metadata.get("unset", ""))
        if is_dataclass(default):
            yield from keys(type(default), f"{name}.")


def load_config(
    schema: type, path: Path | None, overrides: Sequence[str] | None = None, options: str = "the command line"
) -> Any:
    """An object of a dataclass, with all values within their bounds (`emo.bounds`).

    Args:
        schema: its defaults stand where file and overrides are silent.
        path: of a YAML file, or `None`.
        overrides: such as `train.steps=100`; `None` where there can be none.
        options: what a message calls the overrides.

    Raises:
        ConfigError: the file cannot be read, or a key is unknown, missing, of the wrong kind or out of its bounds; the
            message names it.
    """
    config = OmegaConf.structured(schema)  # first, or unknown keys would pass
    if path is not None:
        with _named(str(path), WHOLE):
            config.merge_with(read_yaml(path))
    for override in overrides or ():
        key, equals, _ = override.partition("=")
        if not equals:
            raise ConfigError(f"{override!r} is not of the form key=value")
        with _named(options, key):
            config.merge_with_dotlist([override])
    for key in [override.partition("=")[0] for override in overrides or () if "${" in override]:
        with _named(options, key):  # what it refers to may be of the wrong kind
            OmegaConf.select(config, key)
    where = f"{path}: " if path is not None and not overrides else ""
    with _named(str(path), WHOLE):
        if missing := sorted(OmegaConf.missing_keys(config)):
            verb, them = ("are", "them") if len(missing) > 1 else ("is", "it")
            advice = "" if overrides is None else f"give {missing[0]}=... or "
            raise ConfigError(f"{where}{', '.join(missing)} {verb} not set; {advice}set {them} in the file")
        config = OmegaConf.to_object(config)
    try:
        check(config)
    except ConfigError as error:
        raise ConfigError(f"{where}{error}") from None
    return config


def read_yaml(path: Path) -> DictConfig:
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
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark and key == WHOLE else ""
        raise ConfigError(f"{where}: {key}: {line}{error.problem or first_line(error)}") from None
    except (OmegaConfBaseException, YAMLError, TypeError, ValueError, OverflowError, RecursionError) as error:
        reason = first_line(error)  # which quotes the value
        reason = reason if len(reason) <= 200 else f"{reason[:100]} … {reason[-80:]}"
        raise ConfigError(f"{where}: {getattr(error, 'full_key', None) or key}: {reason}") from None
