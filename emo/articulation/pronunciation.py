"""Phones of words whose times are known: how each is said, and how long its sounds last."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emo.articulation.phones import ARPABET, Phone

SILENT = ("sil", "sp")
SLACK = 0.03  # seconds around a word in which its phones' middles lie
GRID_WORDS = {
    "bin": "B IH N", "lay": "L EY", "place": "P L EY S", "set": "S EH T", "blue": "B L UW", "green": "G R IY N",
    "red": "R EH D", "white": "W AY T", "at": "AE T", "by": "B AY", "in": "IH N", "with": "W IH DH", "one": "W AH N",
    "two": "T UW", "three": "TH R IY", "five": "F AY V", "nine": "N AY N", "again": "AH G EH N", "now": "N AW",
    "please": "P L IY Z", "soon": "S UW N", "b": "B IY", "h": "EY CH", "i": "AY", "j": "JH EY", "l": "EH L",
    "n": "EH N", "p": "P IY", "q": "K Y UW", "r": "AA R", "s": "EH S", "v": "V IY", "x": "EH K S", "y": "W AY",
}  # fmt: skip
GRID_LETTERS = dict(
    a="EY", c="S IY", d="D IY", e="IY", f="EH F", g="JH IY", k="K EY", m="EH M", o="OW", t="T IY", u="Y UW", z="Z EH D"
)
OTHER_WORDS = dict(eight="EY T", four="F AO R", seven="S EH V AH N", six="S IH K S", zero="Z IH R OW")


class Word(NamedTuple):
    """A word and when it is heard, in seconds."""

    text: str
    start: float
    end: float


class WordRule:
    """Phones of words by what the aligned sentences tell: how each word is said, and how long its phones last.

    Args:
        aligned: sentences with their phones. Without any, GRID's words alone are known, and a word's phones are of
            one length.
    """

    def __init__(self, aligned: Sequence[tuple[list[Phone], Sequence[Word]]]):
        spoken: dict[str, dict[tuple[str, ...], int]] = {}
        lengths: dict[str, list[float]] = {}
        for phones, words in aligned:
            for word in words:
                first, last = word.start - SLACK, word.end + SLACK
                inside = [p for p in phones if p.letters and first < (p.start + p.end) / 2 < last]
                counts = spoken.setdefault(word.text, {})
                said = tuple(p.letters for p in inside)
                counts[said] = counts.get(said, 0) + 1
                for phone in inside:
                    lengths.setdefault(phone.letters, []).append(phone.end - phone.start)
        heard = {word: max(counts, key=lambda said: counts[said]) for word, counts in spoken.items()}
        self.spoken = _letters(GRID_WORDS) | heard | _letters(GRID_LETTERS | OTHER_WORDS)
        self.lengths = {letters: float(np.mean(row)) for letters, row in lengths.items()}

    def phones(self, words: Sequence[Word]) -> list[Phone] | None:
        """Phones of words, each word's as long as they are on the average; None where a word is not known."""
        phones = []
        for word in words:
            said = () if word.text in SILENT else self.spoken.get(word.text)
            if said is None:
                return None
            if not said:
                phones.append(Phone("", word.start, word.end))
                continue
            share = np.cumsum([0.0] + [self.lengths.get(letters, 0.08) for letters in said])
            times = word.start + (word.end - word.start) * share / share[-1]
            phones += [Phone(letters, times[i], times[i + 1]) for i, letters in enumerate(said)]
        return phones


def _letters(words: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Words in ARPABET -> their phones' letters."""
    return {word: tuple(ARPABET[name] for name in said.split()) for word, said in words.items()}
