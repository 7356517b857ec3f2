"""How well an articulation does: against mouths that were read, with lips that must shut, through noise and rooms."""

from collections.abc import Callable, Sequence

import numpy as np

from emo.articulation import MEASURES, Articulator, Mouth
from emo.articulation.phones import timeline
from emo.metrics import bilabials
from emo.training.articulation.disturb import in_room, low_passed, pitched
from emo.training.articulation.talks import Talk

TRACK_FPS = 100.0  # at which the lips are looked at within phones
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
    """Share of p, b and m in which the articulation's lips meet; see `emo.metrics.bilabials`."""
    openings = [articulator(talk.waveform, TRACK_FPS).opening for talk in talks]
    return _share_shut(openings, [TRACK_FPS] * len(talks), talks)


def real_bilabials_shut(talks: Sequence[Talk]) -> float:
    """The same of mouths that were read: what alignments and the reader leave of it."""
    return _share_shut([talk.measures[:, 0] for talk in talks], [talk.fps for talk in talks], talks)


def _share_shut(openings: Sequence[np.ndarray], rates: Sequence[float], talks: Sequence[Talk]) -> float:
    shut = []
    for opening, fps, talk in zip(openings, rates, talks, strict=True):
        assert talk.phones is not None, talk.name
        shut.append(bilabials.bilabials_shut(opening, fps, talk.phones))
    return float(np.concatenate(shut).mean())


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
