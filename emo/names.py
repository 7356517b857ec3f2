"""Names and messages as they can be shown: whatever bytes a file is called by, on one line, in any encoding."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # of Persian words, of emoji
LONGEST_NAME = 50  # letters of what short_names gives
UNSEEN = ("Cc", "Cf", "Zl", "Zp")  # Unicode's categories of what moves the cursor or turns the line round

PathT = TypeVar("PathT", bound=str | Path)


def printable(text: object) -> str:
    r"""A text with escapes in place of what cannot be shown: bytes of names that are not UTF-8, line breaks, controls.

    What is printable already stays as it is: a name that is `b"caf\xe9"` on the disk becomes `caf\xe9`, `café` stays.
    """
    try:
        raw = str(text).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for no byte
        raw = str(text).encode("utf-8", "backslashreplace")
    return "".join(map(_shown, raw.decode("utf-8", "backslashreplace")))


def short_names(paths: Iterable[PathT]) -> dict[str, PathT]:
    """Paths by names for what is made of them: their stems, printable and at most LONGEST_NAME letters, told apart."""
    named: dict[str, PathT] = {}
    for path in paths:
        name = printable(Path(path).stem)[:LONGEST_NAME]
        named[name if name not in named else f"{name}-{len(named)}"] = path
    return named


def all_printable(thing: Any) -> Any:
    """The same for every text, keys included, in what JSON can hold."""
    if isinstance(thing, dict):
        return {all_printable(key): all_printable(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [all_printable(value) for value in thing]
    return printable(thing) if isinstance(thing, str) else thing


def _shown(character: str) -> str:
    if character in JOINERS or unicodedata.category(character) not in UNSEEN:
        return character
    return character.encode("unicode_escape").decode("ascii")
