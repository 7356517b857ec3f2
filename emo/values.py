"""Numbers as users give them: Python's, numpy's, torch's or fractions, but neither text nor truth values."""

import operator
from numbers import Real
from typing import Any

from emo.errors import OptionError


def number(value: Any, name: str, called: str | None = None) -> float:
    """Any real number, also a 0-dimensional array or tensor, as a float.

    Args:
        name: of the option.
        called: what the message calls it; by default its name.

    Raises:
        OptionError: naming the option, if it is none.
    """
    plain = _plain(value)
    if isinstance(plain, bool) or not isinstance(plain, Real):
        raise OptionError(f"{called or name} is {value!r}; it must be a number", option=name)
    return float(plain)


def truth(value: Any, name: str) -> bool:
    """A truth value, Python's or numpy's, or a whole number that stands for one.

    Raises:
        OptionError: naming the option, if it is none.
    """
    plain = _plain(value)
    if not isinstance(plain, int):
        raise OptionError(f"{name} is {value!r}; give True or False", option=name)
    return bool(plain)


def whole(value: Any, name: str, least: int | None = None, most: int | None = None) -> int:
    """Any whole number, also a 0-dimensional array or tensor, as an int.

    Args:
        least, most: the range, where there is one.

    Raises:
        OptionError: naming the option, if it is none, or out of range.
    """
    plain = _plain(value)
    try:
        index = None if isinstance(plain, bool) else operator.index(plain)
    except TypeError:
        index = None
    if index is None or (least is not None and index < least) or (most is not None and index > most):
        limits = "" if least is None else f", {least} or more" if most is None else f", {least} to {most}"
        raise OptionError(f"{name} is {value!r}; it must be a whole number{limits}", option=name)
    return index


def _plain(value: Any) -> Any:
    """What a numpy scalar, or an array or tensor without dimensions, holds; other things as they are."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value
