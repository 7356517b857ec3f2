"""What lips, teeth and jaw do in the sounds of all languages, by the letters of the phonetic alphabet (IPA)."""

# ruff: noqa: RUF001 (its letters look like others)

from typing import NamedTuple

import numpy as np

from emo.articulation.sounds import SOUNDS

CONSONANTS = {
    letter: sound
    for sound, letters in {
        "p b m": "pbmɓ",
        "f v": "fvɱʋ",
        "th": "θð",
        "t d n": "tdnɗʈɖɳɲ",
        "s z": "sz",
        "l": "lɫɭʎɬ",
        "r": "ɹrɾɻʀʁɽ",
        "sh": "ʃʒɕʑʂʐç",
        "k g ng": "kgɡŋxɣqχɢcɟ",
        "h": "hɦʔħʕ",
        "y": "jʝ",
        "w": "wʍɥβɸ",
    }.items()
    for letter in letters
}
VOICED = frozenset("bdgɡvðzʒmnŋlɹrjwʐʑ")
NASALS = frozenset("mnŋɳɲ")


class Vowel(NamedTuple):
    """openness, rounding and spread: 0 to 1; sound: its class."""

    openness: float
    rounding: float
    spread: float
    sound: str


def _vowel(openness: float, backness: float, rounding: float, sound: str) -> Vowel:
    return Vowel(openness, rounding, (1 - backness) * (1 - rounding) * (1 - openness), sound)


VOWELS = {
    letter: _vowel(*row)
    for letter, row in {
        "i": (0.0, 0.0, 0.0, "i"), "y": (0.0, 0.0, 1.0, "ue"), "ɨ": (0.0, 0.5, 0.0, "i"), "ʉ": (0.0, 0.5, 1.0, "u"),
        "ɯ": (0.0, 1.0, 0.0, "u"), "u": (0.0, 1.0, 1.0, "u"), "ɪ": (0.2, 0.2, 0.0, "ih"), "ʏ": (0.2, 0.2, 1.0, "ue"),
        "ʊ": (0.2, 0.8, 1.0, "u"), "ᵻ": (0.2, 0.4, 0.0, "ih"), "e": (0.35, 0.0, 0.0, "e"), "ø": (0.35, 0.0, 1.0, "ue"),
        "ɘ": (0.35, 0.5, 0.0, "schwa"), "ɵ": (0.35, 0.5, 1.0, "ue"), "ɤ": (0.35, 1.0, 0.0, "schwa"),
        "o": (0.35, 1.0, 1.0, "o"), "ə": (0.4, 0.5, 0.0, "schwa"), "ɚ": (0.4, 0.5, 0.3, "schwa"),
        "ɛ": (0.65, 0.1, 0.0, "e"), "œ": (0.65, 0.1, 1.0, "ue"), "ɜ": (0.55, 0.5, 0.0, "schwa"),
        "ɝ": (0.5, 0.5, 0.3, "schwa"), "ɞ": (0.6, 0.5, 1.0, "schwa"), "ʌ": (0.7, 0.7, 0.0, "a"),
        "ɔ": (0.65, 1.0, 1.0, "aw"), "æ": (0.85, 0.1, 0.0, "ae"), "ɐ": (0.8, 0.5, 0.0, "a"), "a": (1.0, 0.3, 0.0, "a"),
        "ɶ": (1.0, 0.1, 1.0, "aw"), "ɑ": (1.0, 0.9, 0.0, "a"), "ɒ": (0.9, 0.9, 0.7, "aw"),
    }.items()
}  # fmt: skip

ARPABET = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AX": "ə", "AY": "aɪ", "B": "b", "CH": "tʃ", "D": "d",
    "DH": "ð", "EH": "ɛ", "ER": "ɚ", "EY": "eɪ", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "dʒ",
    "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ", "OW": "oʊ", "OY": "ɔɪ", "P": "p", "R": "ɹ", "S": "s",
    "SH": "ʃ", "T": "t", "TH": "θ", "UH": "ʊ", "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip

TRAITS = ("silence", "vowel", "openness", "rounding", "spread", "voiced", "nasal", *SOUNDS[1:13])
LITTLE = 0.3  # of th's own trait: GRID has it in two words, in both beside rounded sounds


class Phone(NamedTuple):
    """A sound and when it is heard, in seconds; letters: IPA, empty for silence."""

    letters: str
    start: float
    end: float


class Piece(NamedTuple):
    """A letter of a phone, of which diphthongs and affricates have two; None for silence."""

    letter: str | None
    start: float
    end: float


def pieces(phones: list[Phone]) -> list[Piece]:
    """The letters of phones in time; marks that are no sounds of their own are passed over."""
    found = []
    for phone in phones:
        letters = [letter for letter in phone.letters if letter in VOWELS or letter in CONSONANTS]
        times = np.linspace(phone.start, phone.end, max(1, len(letters)) + 1)
        named = letters or [None]
        found += [Piece(letter, times[i], times[i + 1]) for i, letter in enumerate(named)]
    return found


def sound_of(letter: str | None) -> int:
    """Index of a letter's class in SOUNDS."""
    if letter is None:
        return 0
    return SOUNDS.index(VOWELS[letter].sound if letter in VOWELS else CONSONANTS[letter])


def traits_of(letter: str | None) -> np.ndarray:
    """A letter as numbers (len(TRAITS),), so that sounds never seen are known by their kin."""
    traits = dict.fromkeys(TRAITS, 0.0)
    if letter is None:
        traits["silence"] = 1.0
    elif letter in VOWELS:
        vowel = VOWELS[letter]
        traits |= {"vowel": 1.0, "openness": vowel.openness, "rounding": vowel.rounding, "spread": vowel.spread}
    else:
        sound = CONSONANTS[letter]
        traits |= {sound: 1.0} if sound != "th" else {"th": LITTLE, "t d n": 1.0}
        traits |= {"voiced": float(letter in VOICED), "nasal": float(letter in NASALS)}
    return np.array([traits[name] for name in TRAITS], np.float32)


def timeline(phones: list[Phone], count: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Phones at moments i / rate.

    Returns:
        Traits (count, len(TRAITS)) float32 and classes (count,) int64, silence where nothing is said. The lips of an
        h are its neighbor's.
    """
    traits = np.tile(traits_of(None), (count, 1))
    classes = np.zeros(count, np.int64)
    row = pieces(phones)
    for i, piece in enumerate(row):
        span = slice(round(piece.start * rate), round(piece.end * rate))
        classes[span] = sound_of(piece.letter)
        shape = piece.letter
        if shape is not None and CONSONANTS.get(shape) == "h":
            after = row[i + 1].letter if i + 1 < len(row) else None
            shape = after or (row[i - 1].letter if i else None)
        traits[span] = traits_of(shape)
    return traits, classes
