"""When phones are said in recordings: from JSON or TextGrid files, by the recordings' names."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emo.articulation.phones import ARPABET, Phone
from emo.articulation.pronunciation import SILENT, Word, WordRule
from emo.errors import OptionError
from emo.files import read_json_object
from emo.search import find_files

NO_SOUND = {"", "sil", "sp", "spn", "eps", "s", "/s"}  # marks of silence, without their brackets
TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<![\w.])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])|(<exists>)')
INDEX = re.compile(r"\[\d*\]")  # of a long TextGrid's tiers and intervals


class Alignments:
    """Phones by recording.

    Args:
        place: JSON, `{name: {"phones": [[phone, start, end], ...], "words": [[word, start, end], ...]}}` with either
            of the two; a TextGrid with a tier of that name; or a folder of such files. Phones are ARPABET or IPA,
            times seconds. Words alone must be those of the GRID corpus.

    Raises:
        OptionError: there is no such file or folder, or one cannot be understood.
    """

    def __init__(self, place: Path):
        self._tiers: dict[str, dict[str, list[Word]]] = {}
        for path in find_files(place, (".json", ".textgrid"), "--alignments"):
            try:
                self._tiers |= _from_json(path) if path.suffix.lower() == ".json" else {path.stem: read_textgrid(path)}
            except OptionError:
                raise
            except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
                raise OptionError(f"--alignments {path}: no alignment ({error})", option="alignments") from error
        self._rule = WordRule([])

    def named(self, name: str) -> str | None:
        """The recording that a clip's file is of: of its name, or the longest that its name ends in after `_`."""
        fitting = [known for known in self._tiers if name == known or name.endswith(f"_{known}")]
        return max(fitting, key=len, default=None)

    def phones(self, name: str) -> list[Phone] | None:
        """What is said in the clip of this name, in time; None where nothing tells."""
        tiers = self._tiers.get(self.named(name) or "", {})
        if phones := tiers.get("phones"):
            return [Phone(_letters(phone.text), phone.start, phone.end) for phone in phones]
        words = [Word(_word(word.text), word.start, word.end) for word in tiers.get("words", ())]
        return self._rule.phones(words) or None


def read_textgrid(path: Path) -> dict[str, list[Word]]:
    """Intervals of a TextGrid's tiers by name, long or short form.

    Raises:
        ValueError: it is none.
    """
    content = path.read_bytes()
    text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    found = [match.groups() for match in TOKEN.finditer(INDEX.sub("", text))]
    tokens = [number if number is not None else words or "" for words, number, _ in found]
    if tokens[:2] != ["ooTextFile", "TextGrid"]:
        raise ValueError("it does not begin as a TextGrid does")
    tiers, place = {}, 6  # after the times, <exists> and the number of tiers
    while place < len(tokens):
        kind, name, _, _, count = tokens[place : place + 5]
        size = 3 if kind == "IntervalTier" else 2
        end = place + 5 + size * int(count)
        if not place < end <= len(tokens):
            raise ValueError(f"tier {name} is cut off")
        rows = [tokens[i : i + size] for i in range(place + 5, end, size)]
        place = end
        if kind == "IntervalTier":
            tiers[name] = _rows([(mark, start, end) for start, end, mark in rows])
    return tiers


def _from_json(path: Path) -> dict[str, dict[str, list[Word]]]:
    entries: dict[str, Any] = read_json_object(path, lambda problem: OptionError(problem, option="alignments"))
    return {name: {tier: _rows(entry[tier]) for tier in ("phones", "words") if tier in entry}
            for name, entry in entries.items()}  # fmt: skip


def _rows(rows: Sequence[Sequence[Any]]) -> list[Word]:
    found = [Word(str(text), float(start), float(end)) for text, start, end in rows]
    if not all(math.isfinite(word.start) and math.isfinite(word.end) for word in found):
        raise ValueError("times must be finite")
    return found


def _letters(name: str) -> str:
    """A phone of ARPABET, with or without stress, or of IPA, in IPA; empty for silence."""
    if name.strip("<> ").lower() in NO_SOUND:
        return ""
    bare = name.rstrip("012")
    known = bare in ARPABET or (len(bare) == 2 and bare.upper() in ARPABET)
    return ARPABET[bare.upper()] if known else name


def _word(text: str) -> str:
    """A word as dictionaries have it; of marks of silence one of theirs."""
    bare = text.partition("(")[0].strip("<> ").lower()
    return SILENT[0] if bare in NO_SOUND else bare
