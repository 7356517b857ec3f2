"""An audio encoder's hidden states of a sound whose end is not known, at the cost of its last two seconds.

A file's features are normalized by the whole file and see what comes seconds later. Here both come from what was heard
by then, so that a sound as it arrives and the same sound as a file have the same features.
"""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from emo.errors import AudioError
from emo.generation.audio_features import Samples
from emo.generation.hearing import hearing_of
from emo.generation.windows import cut_windows
from emo.media import INTERRUPTION, Chunk, LiveSound

HOP_SECONDS = Fraction(8, 25)
LOOK_AHEAD = Fraction(18, 100)
"""Seconds of sound after a hop that its frames are given to hear."""

PAST = 2  # seconds before a hop that its frames hear
BLOCKS_PER_SECOND = 50
SILENCE = 1e-5  # power, -50 dB: below it is silence as long as nothing louder was heard
PAUSE = 10**-2.5  # of the mean power of what sounds: below it is a pause
BEFORE, AFTER = 5, 15  # blocks around what sounds that belong to it


def hop_frames(fps: Fraction) -> int:
    """Frames of a hop, at so many per second."""
    return max(1, round(HOP_SECONDS * fps))


class RunningLevel:
    """Mean and variance of all that has sounded so far, and where there are pauses, by blocks of 20 ms.

    Pauses do not count, so that what was quiet for long does not become loud; and they are muted, as their noise
    becomes a voice to an encoder that hears nothing else.

    Args:
        sampling_rate: in Hz.

    Attributes:
        block: samples.
        heard: samples that were taken in.
    """

    def __init__(self, sampling_rate: int):
        self.block = sampling_rate // BLOCKS_PER_SECOND
        self.heard = 0
        self._count = 0
        self._sum = self._squares = 0.0
        self._sounds: list[bool] = []
        self._first = 0  # block of the first of these

    def hear(self, samples: np.ndarray) -> None:
        """Go on with samples (N,): whole blocks, but at a sound's end."""
        assert self.heard % self.block == 0 or not len(samples)
        for start in range(0, len(samples), self.block):
            block = samples[start : start + self.block].astype(np.float64)
            sounds = bool(block.var() > (PAUSE * self.variance if self._count else SILENCE))
            self._sounds.append(sounds)
            if sounds:
                self._count += len(block)
                self._sum += block.sum()
                self._squares += np.square(block).sum()
        self.heard += len(samples)

    @property
    def mean(self) -> float:
        """Of what has sounded; 0 before."""
        return self._sum / max(1, self._count)

    @property
    def variance(self) -> float:
        """Of what has sounded; 0 before."""
        return max(0.0, self._squares / max(1, self._count) - self.mean**2)

    def normalize(self, samples: np.ndarray, start: int) -> np.ndarray:
        """Heard samples (N,) from sample `start` on, muted where nothing sounds, with mean 0 and variance 1."""
        return self.mute((samples - self.mean) / math.sqrt(self.variance + 1e-7), start)

    def mute(self, samples: np.ndarray, start: int) -> np.ndarray:
        """Heard samples (N,) from sample `start` on, muted where nothing sounds."""
        sounds = np.array(self._sounds, bool)
        near = np.convolve(sounds, np.ones(BEFORE + 1 + AFTER))[BEFORE : BEFORE + len(sounds)] > 0.5
        kept = np.repeat(near, self.block)[start - self._first * self.block :][: len(samples)]
        return (samples * kept).astype(np.float32)

    def forget(self, before: int) -> None:
        """Drop where pauses were that nothing from sample `before` on needs."""
        first = max(self._first, before // self.block - AFTER)
        del self._sounds[: first - self._first]
        self._first = first


class RunningFeatures:
    """The features of every frame of a waveform that may still be growing, hop by hop of 0.32 s.

    A hop's frames hear 2 s before them and 0.18 s after, and are normalized by what was heard by then. Every hop is
    made once, in order.

    Args:
        waveform: at the rate that the encoder takes.
        encoder, feature_extractor: wav2vec 2.0 or Whisper's encoder, and its settings.
        fps: video frames per second.
        num_frames: T, video frames in all, where that is known.

    Attributes:
        frames_per_hop: frames of each hop but the last.
        num_frames: to be set at the end of a sound, before its last hops.
        hops: how many were made.

    Raises:
        AudioError: the sound has another rate.
    """

    def __init__(
        self,
        waveform: Samples,
        encoder: Any,
        feature_extractor: Any,
        fps: Fraction,
        num_frames: int | None = None,
    ):
        self.waveform, self.fps, self.num_frames = waveform, fps, num_frames
        self.hearing = hearing_of(encoder, feature_extractor)
        self.rate = self.hearing.sampling_rate
        if waveform.sampling_rate != self.rate:
            raise AudioError(f"the sound has {waveform.sampling_rate} samples a second, its encoder takes {self.rate}")
        self.frames_per_hop = hop_frames(fps)
        self.hops = 0
        self._level = RunningLevel(self.rate)
        self._kept: dict[int, torch.Tensor] = {}

    @property
    def delay(self) -> Fraction:
        """Seconds from the beginning of a hop's sound to its features."""
        return Fraction(self.needed(0), self.rate)

    def needed(self, hop: int) -> int:
        """Samples that have to be there before a hop can be made, if the sound does not end before."""
        block = self._level.block
        return block * math.ceil(((hop + 1) * self.frames_per_hop / self.fps + LOOK_AHEAD) * self.rate / block)

    def begin(self, hop: int) -> int:
        """The first sample that a hop hears; none before it is read again."""
        return max(0, math.floor((hop * self.frames_per_hop / self.fps - PAST) * self.rate))

    @torch.no_grad()
    def next_hop(self) -> torch.Tensor:
        """Features of the next hop's frames, (frames, layers, width)."""
        hop = self.hops
        self.skip_hop()
        start, first = self.begin(hop), hop * self.frames_per_hop
        stop = first + self.frames_per_hop
        frames = range(first, stop if self.num_frames is None else min(stop, self.num_frames))
        samples = self.waveform.read(start, self._level.heard)
        level = self._level
        samples = level.normalize(samples, start) if self.hearing.normalizes else level.mute(samples, start)
        centers = [(frame + Fraction(1, 2)) / self.fps * self.rate - start for frame in frames]
        return self.hearing.at(torch.from_numpy(samples), centers)

    def skip_hop(self) -> None:
        """Listen to the next hop, without its features."""
        self._level.forget(self.begin(self.hops))
        stop = min(self.needed(self.hops), self.waveform.length)
        self._level.hear(self.waveform.read(self._level.heard, stop))
        self.hops += 1

    def windows(self, start: int, stop: int, num_neighbors: int) -> torch.Tensor:
        """As of `AudioFeatures`, of a sound whose length is known; windows are asked for in order."""
        assert self.num_frames is not None
        last = self.num_frames - 1
        low, high = max(0, min(start, last) - num_neighbors), min(last, stop + num_neighbors)
        wanted = range(low // self.frames_per_hop, high // self.frames_per_hop + 1)
        self._kept = {hop: self._kept[hop] for hop in wanted if hop in self._kept}
        while self.hops < wanted.start:
            self.skip_hop()
        for hop in range(self.hops, wanted.stop):
            self._kept[hop] = self.next_hop()
        frames = torch.cat([self._kept[hop] for hop in wanted])
        first = wanted.start * self.frames_per_hop
        return cut_windows(frames[None], num_neighbors, start - first, stop - first)


def live_features(sound: LiveSound, features: RunningFeatures, chunks: Iterable[Chunk]) -> Iterator[torch.Tensor]:
    """Features hop by hop, (frames, layers, width), each as soon as the sound that it needs is there.

    Args:
        sound: to which the chunks are added; what no later hop needs is forgotten.
        features: of that sound.
        chunks: the sound as it comes; its end is the sound's.

    Raises:
        AudioError: a chunk is no sound, or there was none.
    """
    for chunk in chunks:
        if chunk is INTERRUPTION:
            sound.silence(math.floor(features.hops * features.frames_per_hop / features.fps * sound.sampling_rate))
            continue
        sound.push(chunk)
        while sound.length >= features.needed(features.hops):
            yield features.next_hop()
            sound.forget(min(features.begin(features.hops), sound.length))
    sound.finish()
    features.num_frames = sound.num_frames(features.fps)
    while features.hops * features.frames_per_hop < features.num_frames:
        yield features.next_hop()
