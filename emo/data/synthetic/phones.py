"""The synthesizer's phones: how each sounds and how the lips shape it. One table serves sound and picture."""

from typing import NamedTuple


class Phone(NamedTuple):
    """One speech sound.

    formants: resonances F1, F2, F3 in Hz of an adult male tract (Peterson and Barney's averages for the vowels).
    loudness: amplitude of the voiced part, 0…1.
    noise: amplitude of the frication or burst; `noise_center` in Hz is its peak.
    seconds: typical length.
    open, width, rounding: what the mouth does, in the units of `FaceControls`; `open` is the jaw for a loud syllable.
    kind: "vowel", "closed" (lips shut: m, b, p), "consonant" or "pause".
    """

    symbol: str
    kind: str
    formants: tuple[float, float, float]
    loudness: float
    noise: float
    noise_center: float
    seconds: float
    open: float
    width: float
    rounding: float


_VOWELS = [
    #  symbol  F1   F2    F3   loud  open  width rounding
    ("i", 270, 2290, 3010, 0.66, 0.30, 0.90, 0.00),
    ("e", 480, 2050, 2650, 0.80, 0.46, 0.65, 0.00),
    ("a", 760, 1250, 2500, 1.00, 0.90, 0.15, 0.00),
    ("o", 500, 880, 2450, 0.84, 0.56, -0.35, 0.70),
    ("u", 310, 730, 2250, 0.62, 0.28, -0.60, 1.00),
    ("ə", 520, 1450, 2450, 0.72, 0.42, 0.10, 0.05),
]
_CONSONANTS = [
    #  symbol  kind   F1   F2   F3   loud noise  center  sec  open width rounding
    ("m", "closed", 250, 1000, 2200, 0.22, 0.0, 0, 0.085, 0.0, 0.00, 0.00),
    ("b", "closed", 200, 800, 2200, 0.06, 0.12, 900, 0.080, 0.0, 0.00, 0.00),
    ("p", "closed", 250, 900, 2200, 0.00, 0.22, 1100, 0.095, 0.0, 0.00, 0.00),
    ("n", "consonant", 260, 1600, 2600, 0.26, 0.0, 0, 0.075, 0.16, 0.15, 0.00),
    ("d", "consonant", 250, 1700, 2600, 0.08, 0.20, 3500, 0.070, 0.15, 0.10, 0.00),
    ("t", "consonant", 300, 1750, 2600, 0.00, 0.30, 4200, 0.085, 0.13, 0.10, 0.00),
    ("k", "consonant", 300, 1900, 2500, 0.00, 0.26, 2000, 0.090, 0.18, 0.05, 0.00),
    ("l", "consonant", 360, 1200, 2700, 0.42, 0.0, 0, 0.070, 0.24, 0.10, 0.00),
    ("w", "consonant", 300, 650, 2200, 0.36, 0.0, 0, 0.080, 0.12, -0.60, 1.00),
    ("s", "consonant", 300, 1700, 2600, 0.00, 0.26, 6000, 0.110, 0.10, 0.35, 0.00),
    ("ʃ", "consonant", 300, 1700, 2400, 0.00, 0.28, 3400, 0.110, 0.12, -0.30, 0.50),
    ("f", "consonant", 300, 1200, 2400, 0.00, 0.14, 5000, 0.095, 0.06, 0.10, 0.00),
]

PAUSE = Phone(" ", "pause", (500.0, 1450.0, 2450.0), 0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0)
VOWELS = {v[0]: Phone(v[0], "vowel", v[1:4], v[4], 0.0, 0.0, 0.14, *v[5:]) for v in _VOWELS}
CONSONANTS = {c[0]: Phone(c[0], c[1], c[2:5], *c[5:]) for c in _CONSONANTS}
PHONES = {" ": PAUSE, **VOWELS, **CONSONANTS}
