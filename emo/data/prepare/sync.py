"""Whether lips follow a voice: how they were seen to move against how the articulation hears that they should."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emo.articulation import MEASURES, measure_mouth, shared_articulator
from emo.data.prepare.config import FilterConfig
from emo.media import speech_band_loudness
from emo.metrics import common_lag, lagged_correlation

SEARCHED = 0.8  # seconds to either side among which the best lag is sought, as far as a third of the clip
CHANGE = 0.08  # seconds over which a change is taken
HEIGHT = MEASURES.index("height")  # what is read most steadily of a mouth


@dataclass(frozen=True)
class HeardVoice:
    """What is heard over T frames.

    Attributes:
        loudness: (T,) of the speech band, 0 ... 1.
        lips: (T,) their height that belongs to it, in eye distances.
    """

    loudness: np.ndarray
    lips: np.ndarray

    @classmethod
    def of(cls, sound: np.ndarray, frames: int, fps: float) -> "HeardVoice":
        """Of a sound (N,), mono at 16 kHz, of about so many frames."""
        height = shared_articulator()(sound, fps).height[:frames]
        loudness = speech_band_loudness(sound, (np.arange(frames) + 0.5) / fps)
        return cls(loudness, np.pad(height, (0, frames - len(height)), mode="edge"))

    def part(self, start: int, stop: int) -> "HeardVoice":
        """Frames `start` to `stop`."""
        return HeardVoice(self.loudness[start:stop], self.lips[start:stop])


class LipMatch(NamedTuple):
    """How lips go with a voice.

    Attributes:
        match: -1 ... 1 at the best lag, the mean of two correlations: of the lips' height and of its change. Whoever
            speaks a sentence rests before and after it, so that the height goes with many voices; its change does not.
        lag: seconds by which the lips are later than the voice where they match best.
    """

    match: float
    lag: float


def match_lips(seen: np.ndarray, heard: np.ndarray, fps: float) -> LipMatch:
    """How lips go with a voice; a clip of a few frames goes with none.

    Args:
        seen: (T,) height of the lips.
        heard: (T,) height that belongs to the voice.
        fps: frames per second.
    """
    step = max(1, round(CHANGE * fps))
    if len(seen) < step + 3:
        return LipMatch(0.0, 0.0)
    reach = min(round(SEARCHED * fps), (len(seen) - step) // 3 - 1)
    changes = seen[step:] - seen[:-step], heard[step:] - heard[:-step]
    both = [lagged_correlation(*tracks, max_lag=reach).correlations for tracks in ((seen, heard), changes)]
    lag = common_lag(both)
    return LipMatch(float(np.mean([track[reach + lag] for track in both])), lag / fps)


def seen_lips(landmarks: np.ndarray) -> np.ndarray:
    """The lips' height on every frame of a face (T, 478, 3), (T,) in eye distances."""
    return measure_mouth(landmarks)[:, HEIGHT]


def is_dubbed(landmarks: np.ndarray, heard: np.ndarray, fps: float, config: FilterConfig) -> bool:
    """Whether the lips of a clip (T, 478, 3) follow another voice than the one heard, whose lips are (T,) high."""
    match, lag = match_lips(seen_lips(landmarks), heard, fps)
    return match < config.min_lip_match or abs(lag) > config.max_lip_lag + 1e-9
