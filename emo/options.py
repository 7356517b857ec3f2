"""Options of a generation: frozen dataclasses whose fields say, once, all that is to be said of an option.

    @dataclass(frozen=True, kw_only=True)
    class MyOptions(Options):
        num_inference_steps: int = option(40, "denoising steps per clip", low=1, flag="steps")

Checks, what a video's record and a fingerprint hold, the command line and a page's form are loops over these fields.
"""

import argparse
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, make_dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

from emo.errors import OptionError
from emo.values import number, truth, whole

Self = TypeVar("Self", bound="Options")

ABSENT = object()


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Kind:
    """How the values of an option are made plain, read from text, and kept in a record.

    Attributes:
        name: by which a form chooses its widget.
        plain: a value of any type, and the option's name for messages -> the value in one form; raises OptionError.
        parse: text -> value, without looking at any file; raises OptionError or ValueError.
        load: text that `parse` does not understand, as the name of a file -> value; or None.
        to_json, from_json: plain value -> what JSON can hold, and back.
        json_types: what JSON gives back.
    """

    name: str
    plain: Callable[[Any, str], Any]
    parse: Callable[[str], Any]
    json_types: tuple[type, ...]
    load: Callable[[str], Any] | None = None
    to_json: Callable[[Any], Any] = _same
    from_json: Callable[[Any], Any] = _same

    def read(self, text: str) -> Any:
        """The value that a command line's text means, which may name a file.

        Raises:
            OptionError: it is neither a value nor such a file.
        """
        if self.load is None:
            return self.parse(text)
        try:
            return self.parse(text)
        except OptionError:
            return self.load(text)


def _plain_rate(value: Any, name: str) -> str:
    return str(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


INT = Kind("int", whole, int, (int,))
FLOAT = Kind("float", number, float, (int, float))
BOOL = Kind("bool", truth, bool, (bool,))
FPS = Kind("fps", _plain_rate, str, (str,))
"""A frame rate as text, in which it is exact; `emo.media.as_fps` makes a fraction of it."""

KINDS: dict[type, Kind] = {int: INT, float: FLOAT, bool: BOOL}
"""The kind of an option by its default's type."""


@dataclass(frozen=True)
class Option:
    """One option, with all that is to be said of it.

    Attributes:
        name: in Python.
        default: the value where none is given. Where it is None, so may the value be.
        help: one phrase on what it does.
        kind: of its values.
        low, high: smallest and largest number, inclusive; None where there is no end, or only a model knows it.
        flag: its name on the command line, without dashes.
        label: its name on a page.
        metavar: what help calls its value on the command line.
        default_words: what help calls the default.
        page_help: what a page says in place of help.
        group: heading that it stands under in the command's help.
        more: whether a page keeps it folded away.
        by_value: whether a fingerprint holds its value. False where it holds what comes of it, such as the picture
            that is cut by it.
        before: its value in records of videos that were made before there was such an option; `ABSENT` where records
            without it are damaged.
    """

    name: str
    default: Any
    help: str
    kind: Kind
    low: float | None
    high: float | None
    flag: str
    label: str
    metavar: str | None
    default_words: str | None
    page_help: str | None
    group: str
    more: bool
    by_value: bool
    before: Any

    def plain(self, value: Any) -> Any:
        """A value in its one form, such as numpy's numbers as Python's.

        Raises:
            OptionError: it is of another kind.
        """
        return None if value is None and self.default is None else self.kind.plain(value, self.name)

    def check(self, value: Any, low: float | None = None, high: float | None = None) -> None:
        """See that a plain value is in range.

        Args:
            low, high: ends that take the place of the option's own.

        Raises:
            OptionError: it is not.
        """
        low = self.low if low is None else low
        high = self.high if high is None else high
        if value is None:
            return
        if self.kind is INT:
            whole(value, self.name, None if low is None else int(low), None if high is None else int(high))
        elif self.kind is FLOAT:
            if not math.isfinite(value) and (low is None or high is None):
                raise OptionError(f"{self.name} is {value}; it must be finite", option=self.name)
            if not (-math.inf if low is None else low) <= value <= (math.inf if high is None else high):
                ends = f"at least {low:g}" if high is None else f"at most {high:g}" if low is None else None
                ends = f"be {ends}" if ends else f"lie between {low:g} and {high:g}"
                raise OptionError(f"{self.name} is {value}; it must {ends}", option=self.name)

    def arguments_help(self) -> str:
        """What the command's help says of it."""
        words = self.default_words
        if words is None and self.default is not None and self.kind is not BOOL:
            words = f"{self.default:g}" if isinstance(self.default, float) else str(self.default)
        return f"{self.help} (default {words})" if words else self.help


def option(
    default: Any,
    help: str,
    *,
    kind: Kind | None = None,
    low: float | None = None,
    high: float | None = None,
    flag: str | None = None,
    label: str | None = None,
    metavar: str | None = None,
    default_words: str | None = None,
    page_help: str | None = None,
    group: str = "video",
    more: bool = True,
    by_value: bool = True,
    before: Any = ABSENT,
) -> Any:
    """A field of an `Options` class; the arguments are `Option`'s attributes, all but the first two optional.

    Args:
        kind: by default that of the default's type.
        flag: by default the option's name with dashes.
        label: by default the flag in words.
        metavar: by default the flag in capitals.
    """
    made = Option(
        name="",
        default=default,
        help=help,
        kind=kind or KINDS[type(default)],
        low=low,
        high=high,
        flag=flag or "",
        label=label or "",
        metavar=metavar,
        default_words=default_words,
        page_help=page_help,
        group=group,
        more=more,
        by_value=by_value,
        before=before,
    )
    return field(default=default, metadata={"option": made})


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of a model's options: a frozen dataclass of `option` fields, whose values are plain ones.

    Raises:
        OptionError: a value is of another kind than its option; names it.
    """

    def __post_init__(self):
        for entry in self.entries():
            object.__setattr__(self, entry.name, entry.plain(getattr(self, entry.name)))

    @classmethod
    def entries(cls) -> tuple[Option, ...]:
        """The options of this class, in the order of its fields."""
        return _entries(cls)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The options' names, in the order of the fields."""
        return tuple(entry.name for entry in cls.entries())

    @classmethod
    def from_values(cls: type[Self], values: Mapping[str, Any]) -> Self:
        """Options of these values by name, and the defaults for the others.

        Raises:
            OptionError: a name is none of an option, or a value of the wrong kind.
        """
        for name in values:
            if name not in cls.names():
                raise OptionError(f"{name} is no option of this model; it has {', '.join(cls.names())}", option=name)
        return cls(**values)

    @classmethod
    def with_defaults(cls: type[Self], defaults: Mapping[str, Any]) -> type[Self]:
        """The same options with other defaults by name, such as those of one model."""
        own = {
            entry.name: replace(entry, default=defaults[entry.name])
            for entry in cls.entries()
            if entry.name in defaults
        }
        changed = [
            (name, Any, field(default=entry.default, metadata={"option": entry})) for name, entry in own.items()
        ]
        return make_dataclass(cls.__name__, changed, bases=(cls,), frozen=True, kw_only=True)

    def values(self) -> dict[str, Any]:
        """All values by name, as keyword arguments."""
        return {name: getattr(self, name) for name in self.names()}

    def check(self, **limits: tuple[float | None, float | None]) -> None:
        """See that all values are in range.

        Args:
            limits: by an option's name, the ends of its range where a model or a page has others.

        Raises:
            OptionError: one is not; names it.
        """
        for entry in self.entries():
            entry.check(getattr(self, entry.name), *limits.get(entry.name, (None, None)))

    def fingerprint(self) -> dict[str, str]:
        """The values that frames depend on, as text, by name."""
        return {entry.name: str(getattr(self, entry.name)) for entry in self.entries() if entry.by_value}

    def to_json(self) -> dict[str, Any]:
        """All values by name, as JSON can hold them: what a video's record says."""
        values = self.values()
        return {
            entry.name: None if values[entry.name] is None else entry.kind.to_json(values[entry.name])
            for entry in self.entries()
        }

    @classmethod
    def from_json(cls: type[Self], record: Any) -> Self:
        """The options that `to_json` gave, or did before there were all of today's.

        Raises:
            OptionError: an option is missing or has a value that it cannot have; names it.
        """
        values = {}
        for entry in cls.entries():
            value = record.get(entry.name, entry.before) if isinstance(record, Mapping) else ABSENT
            allowed = (*entry.kind.json_types, type(None)) if entry.default is None else entry.kind.json_types
            if value is ABSENT or not isinstance(value, allowed):
                raise OptionError(entry.name, option=entry.name)
            values[entry.name] = None if value is None else entry.kind.from_json(value)
        return cls(**values)


@cache
def _entries(cls: type[Options]) -> tuple[Option, ...]:
    made = []
    for each in fields(cls):
        entry: Option = each.metadata["option"]
        flag = entry.flag or each.name.replace("_", "-")
        label = entry.label or flag.replace("-", " ").capitalize()
        metavar = entry.metavar or flag.replace("-", "_").upper()
        made.append(replace(entry, name=each.name, flag=flag, label=label, metavar=metavar))
    return tuple(made)


def add_arguments(
    parser: argparse.ArgumentParser,
    *classes: type[Options],
    without: Collection[str] = (),
    actions: Mapping[str, type[argparse.Action]] = MappingProxyType({}),
) -> dict[str, argparse._ArgumentGroup]:
    """Give a command the options of classes, those of the same name once. Only those that a user gives are in the
    namespace, by their Python names.

    Args:
        without: names of options that the command has no use for.
        actions: by the names of options, what is done with them in place of keeping the last value.

    Returns:
        The groups of the command's help by their headings.
    """
    groups: dict[str, argparse._ArgumentGroup] = {}
    by_name = {entry.name: entry for cls in reversed(classes) for entry in cls.entries() if entry.name not in without}
    for entry in (by_name.pop(each.name) for cls in classes for each in cls.entries() if each.name in by_name):
        group = groups.get(entry.group) or groups.setdefault(entry.group, parser.add_argument_group(entry.group))
        form: dict[str, Any] = {"metavar": entry.metavar}
        if entry.kind is BOOL:
            form = {"action": argparse.BooleanOptionalAction}
        elif entry.kind in (INT, FLOAT):
            form["type"] = entry.kind.parse
        if entry.name in actions:
            form["action"] = actions[entry.name]
        action = group.add_argument(f"--{entry.flag}", dest=entry.name, help=entry.arguments_help(), **form)
        action.default = argparse.SUPPRESS
    return groups


def from_arguments(
    cls: type[Options], namespace: argparse.Namespace, others: Iterable[type[Options]] = ()
) -> dict[str, Any]:
    """The values by name of the options that a user gave to a command with `add_arguments`, and of no others.

    Args:
        others: classes that the command has as well.

    Raises:
        OptionError: text is no value of its option, or an option that only others have is given.
    """
    for kind, entry in ((other, entry) for other in others for entry in other.entries()):
        if entry.name not in cls.names() and hasattr(namespace, entry.name):
            whose = kind.__name__.removesuffix("Options")
            problem = f"--{entry.flag} is no option of this model; give --model one of {whose}'s, which have it"
            raise OptionError(problem, option=entry.name)
    given = {entry: getattr(namespace, entry.name) for entry in cls.entries() if hasattr(namespace, entry.name)}
    return {entry.name: entry.kind.read(value) if isinstance(value, str) else value for entry, value in given.items()}
