"""How well an articulation does: against mouths that were read, with lips that must shut, through noise and rooms."""

from collections.abc import Callable, Sequence

import numpy as np

from emo.articulation import MEASURES, Articulator, Mouth
from emo.articulation.phones import VOWELS, Phone, pieces, timeline
from emo.training.articulation.disturb import in_room, low_passed, pitched
from emo.training.articulation.talks import Talk

TRACK_FPS = 100.0  # at which the lips are looked at within phones
MARGIN = 0.02  # seconds around a phone that count as its own
SHUT = 1 / 3  # of the vowels' mean opening
SHORTEST_VOWEL = 0.02  # seconds
SEMITONES = 4


def tracks(mouth: Mouth) -> np.ndarray:
    """(T, measures)."""
    return np.stack([getattr(mouth, name) for name in MEASURES], 1)


def follow(articulator: Articulator, talks: Sequence[Talk]) -> dict[str, list[dict[str, float]]]:
    """Of each talk, for each measure, correlation with the mouth that was read, and deviation over the real one's."""
    found: dict[str, list[dict[str, float]]] = {"r": [], "deviation": []}
    for talk in talks:
        guess = tracks(articulator(talk.waveform, talk.fps))
        count = min(len(guess), len(talk.measures))
        guess, real = guess[:count], talk.measures[:count]
        r = [np.corrcoef(guess[:, k], real[:, k])[0, 1] for k in range(len(MEASURES))]
        spread = guess.std(0) / real.std(0)
        found["r"].append(dict(zip(MEASURES, map(float, r), strict=True)))
        found["deviation"].append(dict(zip(MEASURES, map(float, spread), strict=True)))
    return found


def means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([row[name] for row in rows])), 3) for name in rows[0]}


def bilabials_shut(articulator: Articulator, talks: Sequence[Talk]) -> float:
    """Share of p, b and m in which the opening falls below a third of the mean of the vowels' widest in its talk."""
    shut = []
    for talk in talks:
        assert talk.phones is not None, talk.name
        opening = articulator(talk.waveform, TRACK_FPS).opening

        def within(phone: Phone, margin: float = 0.0, opening: np.ndarray = opening) -> np.ndarray:
            first, last = (phone.start - margin) * TRACK_FPS, (phone.end + margin) * TRACK_FPS
            return opening[max(0, int(first)) : int(last) + (margin > 0)]

        vowels = [phone for phone in talk.phones if phone.end - phone.start > SHORTEST_VOWEL and _vowel(phone)]
        widest = np.mean([within(phone).max() for phone in vowels if len(within(phone))])
        lips = [phone for phone in talk.phones if phone.letters in ("p", "b", "m")]
        shut += [within(phone, MARGIN).min() < SHUT * widest for phone in lips if len(within(phone, MARGIN))]
    return float(np.mean(shut))


def real_bilabials_shut(talks: Sequence[Talk]) -> float:
    """The same of mouths that were read: what alignments and the reader leave of it at 25 frames a second."""
    shut = []
    for talk in talks:
        assert talk.phones is not None, talk.name
        times = (np.arange(len(talk.measures)) + 0.5) / talk.fps
        opening = talk.measures[:, 0]

        def within(phone: Phone, margin: float, times=times, opening=opening) -> np.ndarray:
            return opening[(times >= phone.start - margin) & (times <= phone.end + margin)]

        half = 0.5 / talk.fps
        vowels = [within(phone, half) for phone in talk.phones if _vowel(phone)]
        widest = np.mean([v.max() for v in vowels if len(v)])
        lips = [within(phone, MARGIN + half) for phone in talk.phones if phone.letters in ("p", "b", "m")]
        shut += [v.min() < SHUT * widest for v in lips if len(v)]
    return float(np.mean(shut))


def sounds_told(articulator: Articulator, talks: Sequence[Talk]) -> float:
    """Share of moments with speech whose class of SOUNDS is told right."""
    right = []
    for talk in talks:
        assert talk.phones is not None, talk.name
        heard = articulator.sounds(talk.waveform).argmax(1)
        labels = timeline(talk.phones, 2 * len(heard), 100.0)[1][::2]
        speech = labels > 0
        right.append((heard[speech] == labels[speech]).mean())
    return float(np.mean(right))


def disturbances() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Ways a voice is heard that must change little; the same ones for every voice."""

    def noisy(waveform: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(20).normal(0, 1, len(waveform))
        return waveform + noise * np.sqrt((waveform**2).mean()) * 10 ** (-20 / 20)

    def room(waveform: np.ndarray) -> np.ndarray:
        return in_room(waveform, 0.4, 0.7, np.random.default_rng(21))

    return {
        "noise, 20 dB": noisy,
        "room": room,
        "8 kHz": lambda waveform: low_passed(waveform, 3800),
        f"+{SEMITONES} semitones": lambda waveform: pitched(waveform, SEMITONES),
        f"-{SEMITONES} semitones": lambda waveform: pitched(waveform, -SEMITONES),
    }


def _vowel(phone: Phone) -> bool:
    letters = [piece.letter for piece in pieces([phone])]
    return letters[0] in VOWELS
