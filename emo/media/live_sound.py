"""Sound that is still being made: a microphone's, a socket's, a voice's that has not finished speaking."""

import math
import tempfile
from collections.abc import Iterable, Iterator
from enum import Enum
from fractions import Fraction

import numpy as np

from emo.errors import AudioError
from emo.media.audio import ArraySound
from emo.media.rate import SAMPLE_RATE, num_frames
from emo.media.sound import mono

NAME = "the live sound"
BLOCK = 1 << 16  # samples of a recording that are given back at a time
FLOAT_BYTES = 4

Samples = np.ndarray | tuple[np.ndarray, int]
"""(N,) or (channels, N) as `AudioTrack.open` takes them, of any N; alone, or with their rate in Hz."""


class Interruption(Enum):
    """In place of a chunk: whoever spoke was interrupted."""

    INTERRUPTION = "what was heard and is in no frame yet is silence instead"


INTERRUPTION = Interruption.INTERRUPTION

Chunk = Samples | Interruption
"""What comes of a sound that is still being made."""


def heard(chunk: Samples, rate: int) -> tuple[np.ndarray, int]:
    """What one ear hears of a chunk, float32 (N,), and its rate in Hz.

    Args:
        rate: of a chunk without one.

    Raises:
        AudioError: it is no sound, or at no scale that a sound has.
    """
    source = ArraySound.check(*chunk) if isinstance(chunk, tuple) else ArraySound.check(chunk, rate)
    parts = list(mono((block for block, _, _ in source()), source.rate))
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if not np.isfinite(samples).all():
        raise AudioError(f"{NAME} has NaN or infinite samples")
    return samples, source.rate


class LiveSound:
    """A growing waveform, mono float32, of which `forget` drops what nobody needs any more.

    Its samples are those of an `AudioTrack` of the whole sound.

    Args:
        sampling_rate: of the waveform, in Hz.
        source_rate: of chunks that come without one.

    Attributes:
        length: samples so far.
        num_samples: the same at the source's rate.
        source_rate: in Hz; the first chunk's, if that says one.
    """

    def __init__(self, sampling_rate: int = SAMPLE_RATE, source_rate: int = SAMPLE_RATE):
        self.sampling_rate, self.source_rate = sampling_rate, source_rate
        self.length = self.num_samples = 0
        self._resampler = None
        self._first = 0
        self._samples = np.zeros(0, np.float32)

    def push(self, chunk: Samples) -> None:
        """Go on with a chunk.

        Raises:
            AudioError: it is no sound, or of another rate than those before.
        """
        samples, rate = heard(chunk, self.source_rate)
        if rate != self.source_rate and self._resampler is not None:
            raise AudioError(f"{NAME} changes from {self.source_rate} to {rate} samples a second; resample it first")
        self.source_rate = rate
        self.num_samples += len(samples)
        self._feed(samples)

    def finish(self) -> None:
        """Nothing comes any more: the last samples leave the resampler.

        Raises:
            AudioError: there was no sound at all.
        """
        if not self.num_samples:
            raise AudioError(f"{NAME} ended before it began")
        self._feed(np.zeros(self.source_rate // 50 + 64, np.float32))  # as a track's end; see there
        length = math.ceil(Fraction(self.num_samples * self.sampling_rate, self.source_rate))
        self._samples = self._samples[: length - self._first]
        self.length = length

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples `start ... stop - 1`, none of them forgotten, (stop - start,)."""
        assert self._first <= start <= stop <= self.length, (self._first, start, stop, self.length)
        return self._samples[start - self._first : stop - self._first]

    def silence(self, start: int) -> None:
        """Make silence of all that was heard from a sample on."""
        self._samples[max(0, start - self._first) :] = 0

    def forget(self, before: int) -> None:
        """Drop the samples before one."""
        if before > self._first:
            self._samples = self._samples[before - self._first :].copy()
            self._first = before

    def num_frames(self, fps: Fraction) -> int:
        """Video frames that cover the sound so far."""
        return num_frames(self.num_samples, self.source_rate, fps)

    def _feed(self, samples: np.ndarray) -> None:
        import av

        if not len(samples):
            return
        if self._resampler is None:
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=self.sampling_rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="flt", layout="mono")
        frame.sample_rate = self.source_rate
        made = [self._samples, *(part.to_ndarray()[0] for part in self._resampler.resample(frame))]
        self._samples = np.concatenate(made)
        self.length = self._first + len(self._samples)


class Recording:
    """Keeps a live sound, in a temporary file, for the video that is made of it; see `VideoWriter.finish`.

    Args:
        source_rate: of chunks that come without one, in Hz.
    """

    channels = 1

    def __init__(self, source_rate: int = SAMPLE_RATE):
        self.source_rate = source_rate
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the recording)

    def keep(self, chunks: Iterable[Samples]) -> Iterator[Samples]:
        """The chunks as they come, each kept before it is given on."""
        for chunk in chunks:
            samples, self.source_rate = heard(chunk, self.source_rate)
            self._spool.write(samples.tobytes())
            yield samples, self.source_rate

    def blocks(self) -> Iterator[np.ndarray]:
        """All that was kept, float32 (n, 1) at `source_rate`."""
        self._spool.seek(0)
        while part := self._spool.read(BLOCK * FLOAT_BYTES):
            yield np.frombuffer(part, np.float32)[:, None]

    def close(self) -> None:
        """Give the temporary file back."""
        self._spool.close()

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
