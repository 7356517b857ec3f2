"""Samples for the articulation: a voice somewhere, the mouth that goes with it, and the sounds it makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from emo.articulation import MEASURES, mouth_at
from emo.articulation.features import HOP, SAMPLE_RATE, log_mel, mel_filters
from emo.articulation.network import STEP
from emo.data.sample_batch import SampleBatch
from emo.training.articulation.disturb import Disturber, resampled
from emo.training.articulation.talks import Talk

SPEEDS = (0.82, 1.22)
WARPS = np.linspace(0.86, 1.17, 13)  # of the tract's length, beside the speed
RATE = SAMPLE_RATE / (HOP * STEP)  # of the network's steps


class Source(NamedTuple):
    """Talks that samples are drawn from, long ones more often.

    share: of the samples; weight: of their mouths' errors.
    """

    talks: Sequence[Talk]
    share: float
    weight: float


@dataclass(frozen=True)
class ArticulationBatch(SampleBatch):
    """B sounds of T steps.

    Attributes:
        index: (B,) int64, sample numbers.
        features: (B, mels, STEP * (T - 1) + 1), see `LogMel`.
        mouth: (B, measures, T), standardized.
        weight: (B,), of the mouth's errors.
        sounds: (B, T) int64, classes of SOUNDS, UNKNOWN where none was labeled.
        names: of the talks, for messages.
    """

    features: Tensor
    mouth: Tensor
    weight: Tensor
    sounds: Tensor
    names: tuple[str, ...]


class ArticulationSamples(Dataset[ArticulationBatch]):
    """Sample g, any natural number, is drawn from the seed and g alone.

    Args:
        sources: their talks' mouths are standardized already.
        seed: with g, decides a sample.
        seconds: of a sample.
        mels: bands of the features.
    """

    def __init__(self, sources: Sequence[Source], seed: int, seconds: float, mels: int):
        self.sources, self.seed, self.mels = list(sources), seed, mels
        self.steps = round(seconds * RATE)
        self.shares = np.array([source.share for source in sources]) / sum(source.share for source in sources)
        lengths = [np.array([len(talk.sound) for talk in source.talks], float) for source in sources]
        self.lengths = [row / row.sum() for row in lengths]
        self.filters = [mel_filters(mels, warp) for warp in WARPS]
        self.disturb = Disturber(seed)

    def __getitem__(self, number: int) -> ArticulationBatch:
        rng = np.random.default_rng((0xA27, self.seed, number))
        which = int(rng.choice(len(self.sources), p=self.shares))
        source = self.sources[which]
        talk = source.talks[rng.choice(len(source.talks), p=self.lengths[which])]
        speed = rng.uniform(*SPEEDS)
        hops = STEP * (self.steps - 1) + 1
        need = round(hops * HOP * speed)
        start = int(rng.integers(max(1, len(talk.sound) - need + 1)))
        piece = talk.waveform[start : start + need + 2]
        heard = self.disturb(resampled(piece, speed), rng)
        heard = np.pad(heard, (0, max(0, hops * HOP - len(heard))))[: (hops - 1) * HOP]
        features = log_mel(heard.astype(np.float32), self.filters[rng.integers(len(self.filters))])
        times = np.arange(self.steps) / RATE * speed + start / SAMPLE_RATE
        mouth, weight = np.zeros((self.steps, len(MEASURES))), 0.0
        if talk.mouth is not None:
            mouth, weight = mouth_at(talk.mouth, talk.fps, times), source.weight
        return ArticulationBatch(
            index=torch.tensor([number]),
            features=features[None],
            mouth=torch.tensor(mouth.T, dtype=torch.float32)[None],
            weight=torch.tensor([weight]),
            sounds=torch.tensor(talk.sounds_at(times), dtype=torch.int64)[None],
            names=(talk.name,),
        )
