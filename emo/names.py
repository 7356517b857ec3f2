"""Names and messages as they can be shown: whatever bytes a file is called by, on one line, in any encoding."""

import unicodedata
from typing import Any

JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # of Persian words, of emoji
UNSEEN = ("Cc", "Cf", "Zl", "Zp")  # Unicode's categories of what moves the cursor or turns the line round


def printable(text: object) -> str:
    r"""A text with escapes in place of what cannot be shown: bytes of names that are not UTF-8, line breaks, controls.

    What is printable already stays as it is: a name that is `b"caf\xe9"` on the disk becomes `caf\xe9`, `café` stays.
    """
    try:
        raw = str(text).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for no byte
        raw = str(text).encode("utf-8", "backslashreplace")
    return "".join(map(_shown, raw.decode("utf-8", "backslashreplace")))


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
