"""What the fields of a model's options hold at first, and the options they mean filled in: loops over `Option`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from emo.errors import EmoError, OptionError
from emo.media import as_fps
from emo.options import BOOL, FLOAT, FPS, INT, Option, Options
from emo.pipelines.motion_kinds import OF_FILES
from emo.ui.limits import PictureLimits
from emo.ui.words import FieldError, page_words, sentence

MAX_GUIDANCE = 10.0  # more only burns the picture
MAX_SPEED = 5.0  # degrees per frame; at 25 frames a second the head would turn by 125 degrees each second
MAX_FPS = 60
MAX_TEXT = 100  # characters of a number, a word or a box


def argument(option: Option) -> str:
    """An option's name in the page's API and in errors: that of the command's flag."""
    return option.flag.replace("-", "_")


def fields_of(options: type[Options]) -> tuple[Option, ...]:
    """The options that the page has fields for: all but those that only a file can hold."""
    return tuple(entry for entry in options.entries() if entry.kind not in OF_FILES)


def range_of(option: Option, limits: PictureLimits) -> tuple[float | None, float | None]:
    """Smallest and largest number that the page takes: the option's own ends, and closer ones."""
    ends: dict[str, tuple[float | None, float | None]] = {
        "num_inference_steps": (option.low, limits.steps),
        "height": (1, limits.side),
        "width": (1, limits.side),
        "face": (1, None),
    }
    if option.name.endswith("guidance_scale"):
        return 0, MAX_GUIDANCE
    return ends.get(option.name, (option.low, option.high))


def first_value(option: Option, limits: PictureLimits) -> Any:
    """What a field holds at first: the default, in a field of text in words, on a slider no more than its end.

    A number that need not be given is text as well: fields of numbers make zero of nothing.
    """
    if option.kind in (INT, FLOAT, BOOL) and option.default is not None:
        high = range_of(option, limits)[1]
        return option.default if high is None else min(option.default, high)
    if isinstance(option.default, tuple):
        return ",".join(f"{number:g}" for number in option.default)
    return str(option.default_words or "") if option.default is None else str(option.default)


def read_option(option: Option, value: Any, limits: PictureLimits) -> Any:
    """The plain value that a field's content means.

    Raises:
        FieldError: it means none, or one that the page does not take.
    """
    with _named(option):
        if isinstance(value, str):
            value = _parsed(option, value)
        if not isinstance(value, str | int | float | bool | tuple | dict | None):
            raise OptionError(f"{option.name} is a number or a word")
        if option.kind is INT and isinstance(value, float) and value.is_integer():
            value = int(value)  # as a browser may send it
        if value is None and option.default is not None:
            raise OptionError(f"{option.name} is empty")
        plain = option.plain(value)
        option.check(plain, *range_of(option, limits))
        if option.kind is FPS and as_fps(plain) > MAX_FPS:
            raise OptionError(f"{option.name} must be at most {MAX_FPS}")
        if option.name == "speed" and plain is not None and plain > MAX_SPEED:
            raise OptionError(f"{option.name} is {option.default_words}, or from 0 to {MAX_SPEED:g} degrees per frame")
    return plain


def read_options(options: type[Options], values: Mapping[str, Any], limits: PictureLimits) -> Options:
    """The options that the fields' contents mean; what is not given has its default. As `read_values`."""
    return options(**read_values(options, values, limits))


def read_values(options: type[Options], values: Mapping[str, Any], limits: PictureLimits) -> dict[str, Any]:
    """The plain values of those options whose fields are given, by their names.

    Args:
        values: the fields' contents by the options' arguments.

    Raises:
        FieldError: naming the first field that is wrong.
    """
    given = [entry for entry in fields_of(options) if argument(entry) in values]
    return {entry.name: read_option(entry, values[argument(entry)], limits) for entry in given}


def _parsed(option: Option, text: str) -> Any:
    """A text as a value; an empty one, or the default's words, as the default. No text is ever a file's name here."""
    text = text.strip().lower()
    if text in ("", (option.default_words or "").lower()):
        return option.default
    if len(text) > MAX_TEXT or option.kind is BOOL or (option.kind in (INT, FLOAT) and option.default is not None):
        raise OptionError(f"{option.name} is no text of this length")
    if option.name == "speed" or option.kind is FLOAT:
        text = text.replace(",", ".")
    try:
        return option.kind.parse(text)
    except ValueError as error:
        raise error if isinstance(error, OptionError) else OptionError(f"{option.name} is {text!r}") from None


@contextmanager
def _named(option: Option) -> Iterator[None]:
    """Errors beside the option's field, by the name that it has there."""
    try:
        yield
    except EmoError as error:
        problem = error.told(page_words)
        named = problem.startswith(option.name)
        words = option.label + (problem.removeprefix(option.name) if named else f": {problem}")
        raise FieldError(argument(option), sentence(words)) from error
