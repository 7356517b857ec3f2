"""An audio encoder's hidden states of a recording, one per video frame, at the cost of seconds' worth of memory."""

import math
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import torch

from emo.errors import AudioError
from emo.generation.hearing import hearing_of
from emo.generation.windows import cut_windows
from emo.media.audio import BLOCK

CONTEXT_SECONDS = 1


class Samples(Protocol):
    """Mono float32 samples, of which there may be more later.

    Attributes:
        sampling_rate: in Hz.
        length: number of samples.
    """

    sampling_rate: int
    length: int

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples `start ... stop - 1`, (stop - start,)."""
        ...


class Waveform(Samples, Protocol):
    """A recording as mono float32 samples; `emo.media.AudioTrack` is one.

    Attributes:
        mean, variance: of all samples.
    """

    mean: float
    variance: float


class SampleWaveform:
    """A `Waveform` of samples in memory, with the statistics that an `AudioTrack` of them has.

    Args:
        samples: mono float32, (N,).
        sampling_rate: in Hz.
    """

    def __init__(self, samples: np.ndarray, sampling_rate: int):
        self.samples = samples
        self.sampling_rate = sampling_rate
        self.length = len(samples)
        blocks = [samples[start : start + BLOCK] for start in range(0, len(samples), BLOCK)]
        mean = sum(block.sum(dtype=np.float64) for block in blocks) / self.length
        squares = sum(np.square(block - mean, dtype=np.float64).sum() for block in blocks)
        self.mean = float(mean)
        self.variance = float(squares / self.length)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples `start ... stop - 1`, (stop - start,)."""
        return self.samples[start:stop]


class AudioFeatures:
    """The audio representation A^(f) of every frame (3.2.2), computed chunk by chunk as frames are asked for.

    The recording is encoded in fixed chunks from its start, of 8 s for wav2vec 2.0 and 28 s for Whisper, each with 1 s
    of context on both sides, and normalized, where the encoder wants that, by the statistics of the whole file, so
    that a frame's features do not depend on where a clip begins.

    Args:
        waveform: the recording, at the rate that the encoder takes.
        encoder, feature_extractor: wav2vec 2.0 or Whisper's encoder, and its settings.
        fps: video frames per second.
        num_frames: T, video frames in all.

    Raises:
        AudioError: the recording has another rate.
    """

    def __init__(
        self,
        waveform: Waveform,
        encoder: Any,
        feature_extractor: Any,
        fps: Fraction,
        num_frames: int,
    ):
        self.waveform = waveform
        self.hearing = hearing_of(encoder, feature_extractor)
        self.fps = fps
        self.num_frames = num_frames
        self.rate = self.hearing.sampling_rate
        if waveform.sampling_rate != self.rate:
            raise AudioError(f"the sound has {waveform.sampling_rate} samples a second, its encoder takes {self.rate}")
        self.num_chunks = max(1, math.ceil(waveform.length / (self.hearing.chunk_seconds * self.rate)))
        self._chunks: dict[int, torch.Tensor] = {}

    def windows(self, start: int, stop: int, num_neighbors: int) -> torch.Tensor:
        """Features of the frames `start ... stop - 1` with ±m neighbors, (1, stop - start, 2m+1, layers, width).

        Frames beyond the end of the recording, in the padded last clip, repeat its last one.
        """
        last = self.num_frames - 1
        low, high = max(0, min(start, last) - num_neighbors), min(last, stop + num_neighbors)
        wanted = range(self._chunk_of(low), self._chunk_of(high) + 1)
        self._chunks = {k: self._chunks[k] if k in self._chunks else self._encode(k) for k in wanted}
        frames = torch.cat([self._chunks[k] for k in wanted])
        first = self._frames_of(wanted[0]).start
        return cut_windows(frames[None], num_neighbors, start - first, stop - first)

    def _chunk_of(self, frame: int) -> int:
        """The chunk that holds a frame's center."""
        return min(math.floor((frame + Fraction(1, 2)) / self.fps / self.hearing.chunk_seconds), self.num_chunks - 1)

    def _frames_of(self, chunk: int) -> range:
        """The frames whose center lies in a chunk; the last chunk takes all that are left."""
        last = chunk == self.num_chunks - 1
        return range(self._border(chunk), self.num_frames if last else self._border(chunk + 1))

    def _border(self, chunk: int) -> int:
        """The first frame whose center lies in a chunk or beyond."""
        return max(0, math.ceil(chunk * self.hearing.chunk_seconds * self.fps - Fraction(1, 2)))

    def _encode(self, chunk: int) -> torch.Tensor:
        """Hidden states of all blocks at the centers of a chunk's frames, (frames, layers, width)."""
        start = max(0, chunk * self.hearing.chunk_seconds - CONTEXT_SECONDS) * self.rate
        stop = min(self.waveform.length, ((chunk + 1) * self.hearing.chunk_seconds + CONTEXT_SECONDS) * self.rate)
        samples = torch.from_numpy(self.waveform.read(start, stop))
        if self.hearing.normalizes:
            samples = (samples - self.waveform.mean) / math.sqrt(self.waveform.variance + 1e-7)
        return self.hearing.at(
            samples,
            [(frame + Fraction(1, 2)) / self.fps * self.rate - start for frame in self._frames_of(chunk)],
        )
