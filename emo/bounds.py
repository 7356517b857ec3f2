"""What the values of a configuration may be. Each bound stands once, beside its field:

    steps: Annotated[int, Numbers(0, 1000)] = 100
    betas: Annotated[list[float], Several(Numbers(0, 1, below=True), 2)] = ...

A field that holds a truth value or another configuration needs none; `None` passes where the type allows it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol, get_type_hints

from emo.errors import ConfigError

LONGEST_NAME, LONGEST_PATH = 255, 4095  # bytes that file systems take


class Bound(Protocol):
    """Says whether a value is allowed, and as a string what is, after "it must be"."""

    def allows(self, value: Any) -> bool: ...


@dataclass(frozen=True)
class Numbers:
    """Numbers from `least` to `most`, or without an end that is itself too little (`above`) or too much (`below`)."""

    least: float
    most: float
    above: bool = False
    below: bool = False
    multiple: int = 1

    def allows(self, value: Any) -> bool:
        if not isinstance(value, int | float) or not self.least <= value <= self.most:  # nor is NaN
            return False
        ends = (self.above and value == self.least) or (self.below and value == self.most)
        return not ends and (self.multiple == 1 or value % self.multiple == 0)

    def __str__(self) -> str:
        low = f"{'above' if self.above else 'at least'} {self.least}"
        high = f"{'below' if self.below else 'at most'} {self.most}"
        return f"{f'a multiple of {self.multiple}, ' if self.multiple > 1 else ''}{low} and {high}"


@dataclass(frozen=True)
class Choice:
    """One of several words."""

    words: tuple[str, ...]

    def allows(self, value: Any) -> bool:
        return value in self.words

    def __str__(self) -> str:
        return " or ".join(filter(None, (", ".join(self.words[:-1]), self.words[-1])))


@dataclass(frozen=True)
class Name:
    """A name of a file, a folder or anything else, not empty, that a file system could take."""

    def allows(self, value: Any) -> bool:
        try:
            path = os.fsencode(value)
        except (UnicodeEncodeError, TypeError):
            return False
        fits = len(path) <= LONGEST_PATH and all(len(part) <= LONGEST_NAME for part in path.split(b"/"))
        return bool(value.strip()) and fits and not any(byte < 32 for byte in path)

    def __str__(self) -> str:
        return f"a name, not empty, without control characters and of at most {LONGEST_NAME} bytes between slashes"


@dataclass(frozen=True)
class Several:
    """A list of values within a bound: `count` of them, or any number."""

    each: Bound
    count: int | None = None

    def allows(self, value: Any) -> bool:
        return (
            isinstance(value, list)
            and self.count in (None, len(value))
            and all(self.each.allows(one) for one in value)
        )

    def __str__(self) -> str:
        return f"a list{f' of {self.count}' if self.count is not None else ''}, each {self.each}"


SHARE = Numbers(0, 1)


def bounds(schema: type) -> dict[str, Bound | None]:
    """The bound of each field of a configuration's class."""
    hints = get_type_hints(schema, include_extras=True)
    return {field.name: next(iter(getattr(hints[field.name], "__metadata__", ())), None) for field in fields(schema)}


def check(config: Any) -> None:
    """See that all values of a configuration, and of those in it, are within their bounds and go together.

    What goes together a configuration says itself, by a method `misfit` that returns what does not, or `None`.

    Raises:
        ConfigError: naming the key, its value and what is allowed.
    """
    for problem in _problems(config, ""):
        raise ConfigError(problem)


def _problems(config: Any, prefix: str) -> Iterator[str]:
    for name, bound in bounds(type(config)).items():
        value = getattr(config, name)
        if is_dataclass(value):
            yield from _problems(value, f"{prefix}{name}.")
        elif value is not None and bound is not None and not bound.allows(value):
            yield f"{prefix}{name} is {_shown(value)}; it must be {bound}"
    if hasattr(config, "misfit") and (problem := config.misfit()):
        yield prefix + problem


def _shown(value: Any) -> str:
    text = str(value) if str(value).strip() and str(value).isprintable() else repr(value)
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"
