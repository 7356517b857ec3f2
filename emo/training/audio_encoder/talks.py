"""Real voices for the audio encoder, heard somewhere, with the sounds they make and the mouths that were read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emo.articulation import MEASURES, mouth_at
from emo.data.synthetic.speech import SAMPLE_RATE
from emo.training.articulation.disturb import Disturber, resampled
from emo.training.articulation.samples import SPEEDS
from emo.training.articulation.talks import Talk


class HeardTalk(NamedTuple):
    """A piece of a talk, N samples with S states.

    clean, heard: (N,), played at its speed; and as it is heard somewhere. sounds: (S,) int64. lips: (S, measures).
    seen: (S,) bool, where the mouth was read. name: of the talk.
    """

    clean: np.ndarray
    heard: np.ndarray
    sounds: np.ndarray
    lips: np.ndarray
    seen: np.ndarray
    name: str


@dataclass(frozen=True)
class TalkPieces:
    """Draws pieces of talks, long ones more often, and what happens to them on their way.

    Attributes:
        talkers: their mouths are standardized already.
        voices: with phones.
        share: of all sounds that are such pieces.
        voice_share: of these that are of voices, where there are both.
        disturb: what happens to a voice on its way.
    """

    talkers: Sequence[Talk]
    voices: Sequence[Talk]
    share: float
    voice_share: float
    disturb: Disturber

    def draw(self, samples: int, centers: np.ndarray, rng: np.random.Generator) -> HeardTalk:
        """A piece of so many samples.

        Args:
            samples: N.
            centers: of the encoder's states, in seconds, (S,).
            rng: decides all.
        """
        voiced = bool(self.voices) and (not self.talkers or rng.random() < self.voice_share)
        talks = self.voices if voiced else self.talkers
        lengths = np.array([len(talk.sound) for talk in talks], float)
        talk = talks[rng.choice(len(talks), p=lengths / lengths.sum())]
        speed = rng.uniform(*SPEEDS)
        need = int(samples * speed) + 2
        start = int(rng.integers(max(1, len(talk.sound) - need + 1)))
        piece = talk.waveform[start : start + need]
        clean = resampled(np.pad(piece, (0, need - len(piece))), speed)[:samples]
        times = centers * speed + start / SAMPLE_RATE
        lips, seen = lips_at(talk, times)
        return HeardTalk(clean, self.disturb(clean, rng), talk.sounds_at(times), lips, seen, talk.name)


def lips_at(talk: Talk, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measures at times in seconds, (S,) -> (S, measures), and where they were read, (S,) bool."""
    if talk.mouth is None:
        return np.zeros((len(times), len(MEASURES))), np.zeros(len(times), bool)
    return mouth_at(talk.mouth, talk.fps, times), times * talk.fps - 0.5 <= len(talk.mouth) - 0.5
