"""A recording, decoded once to mono at the audio encoder's rate, and read from there at random.

The samples lie in an anonymous temporary file (230 MB an hour at 16 kHz), so that memory does not grow with length.
Resampling is libswresample's; what it is fed and what is kept of its output is arranged here so that sample i of the
track is the source's sound at i / sampling_rate seconds, from the first sample to the last. The channel mix is not
left to it: its mono is 3 dB louder for stereo, and leaves channels out for some layouts.
"""

import logging
import math
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from io import BufferedRandom
from itertools import chain
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from emo.errors import AudioError
from emo.media.demuxer import Media
from emo.media.rate import SAMPLE_RATE, as_fps, num_frames
from emo.media.sound import MAX_RATE, Block, at_most_two, mono, sound_blocks, unit_scale

BLOCK = 1 << 18  # samples handled at a time
FLOAT_BYTES = 4
MAX_PEAK = 16.0  # of floats; recordings overshoot 1 a little, and 16-bit samples are beyond this unless silent
SILENT = 1e-10  # mean power, -100 dB

logger = logging.getLogger(__name__)


class AudioTrack:
    """A recording as mono float32, of any length, in constant memory. Made by `AudioTrack.open`.

    Attributes:
        path: the file it came from; None for arrays.
        num_samples: length at the source's rate, counted while decoding.
        source_rate: the source's rate in Hz.
        sampling_rate: this track's rate in Hz.
        length: samples in this track, exactly ceil(num_samples * sampling_rate / source_rate).
        channels: 1 or 2, of the sound at its full quality, `blocks`.
        duration: seconds, exact.
        mean, variance: statistics of the whole track, float.
        speech: of sound that was made of a text, who speaks, for the video's origin; else None. See `emo.speech`.
    """

    def __init__(self, source: "_FileSound | ArraySound", spool: BufferedRandom, sampling_rate: int):
        """Decode `source` into `spool`; see `open`."""
        self.path: Path | None = getattr(source, "path", None)
        self.speech: Mapping[str, str | None] | None = getattr(source, "speech", None)
        self.sampling_rate = sampling_rate
        self._source = source
        name = self.path or "the sound"
        self.num_samples, self.source_rate, self.channels = _resample(source(), spool, sampling_rate, name)
        num_samples, source_rate = self.num_samples, self.source_rate
        self.length = _resampled_length(num_samples, source_rate, sampling_rate)
        self.duration = Fraction(num_samples, source_rate)
        self._spool = spool
        self._lock = threading.Lock()
        self.mean, self.variance = self._statistics()
        silent = self.variance + self.mean**2 < SILENT
        if isinstance(source, _FileSound) and silent and (others := source.num_others()):
            logger.warning("%s: the sound track that players take is silent; its %d others are not", self.path, others)

    @classmethod
    def open(
        cls, source: "str | Path | tuple | AudioTrack | ArraySound", sampling_rate: int = SAMPLE_RATE
    ) -> "AudioTrack":
        """Decode a recording.

        Channels are averaged; see `emo.media.sound` for what is heard of them, of gaps and of several tracks. Of a
        damaged file what decodes is kept, with a warning in the log. A video's sound is taken from its own start.

        Args:
            source: a file of any container and codec, told by its content; or `(samples, rate)` with samples (N,)
                or (channels, N), an array or tensor, float in -1 to 1 or integer at full scale, and rate in Hz, which
                must stay as they are while the track is in use; or an AudioTrack, which is returned as it is, or
                decoded again where it has another rate; or checked samples.
            sampling_rate: of the track, in Hz.

        Raises:
            AudioError: naming the file, if it is missing, a directory, empty, not media, without a sound track, of
                an unknown codec, with NaN or infinite samples, or if nothing in it decodes; samples are at no scale
                of their type.
        """
        from av.error import FFmpegError

        if isinstance(source, AudioTrack):
            if source.sampling_rate == sampling_rate:
                return source
            sound = source._source
        elif isinstance(source, ArraySound):
            sound = source
        else:
            sound = ArraySound.check(*source) if isinstance(source, tuple) else _FileSound(Path(source))
        name = sound.path if isinstance(sound, _FileSound) else "the sound"
        try:
            spool = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the track)
            try:
                return cls(sound, spool, sampling_rate)
            except BaseException:
                spool.close()
                raise
        except FFmpegError as error:
            raise AudioError(f"{name} is not a recording this program can read ({error.strerror})") from error
        except OSError as error:
            folder = tempfile.gettempdir()
            raise AudioError(f"{name}: decoding into {folder} failed ({error}); free space or set TMPDIR") from error

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples `start` to `stop` of the track, float32 (stop - start,). 0 <= start <= stop <= length."""
        assert 0 <= start <= stop <= self.length, (start, stop, self.length)
        samples = np.empty(stop - start, np.float32)
        with self._lock:
            self._spool.seek(start * FLOAT_BYTES)
            self._spool.readinto(samples.data)
        return samples

    def num_frames(self, fps: int | float | str | Fraction) -> int:
        """Video frames that cover the recording, ceil(N * fps / sr) at the source's rate."""
        return num_frames(self.num_samples, self.source_rate, as_fps(fps))

    def blocks(self) -> Iterator[np.ndarray]:
        """The sound at its full quality, for the video: float32 (n, channels) at `source_rate`, `num_samples` in all.

        Read from the source once more. Up to two channels stay as they are; of more there is the stereo mix.

        Raises:
            AudioError: the file is not there any more, or another one.
        """
        total = 0
        for samples, rate, layout in self._source(quiet=True):
            block = at_most_two(samples, rate, layout)[:, : self.num_samples - total]
            yield np.broadcast_to(block, (self.channels, block.shape[1])).T
            total += block.shape[1]
        if total != self.num_samples:
            raise AudioError(f"{self.path} has changed while it was in use; start again")

    def close(self) -> None:
        """Give the temporary file back."""
        self._spool.close()

    def __getstate__(self) -> dict[str, Any]:
        """Everything, with the decoded samples in place of their file: tracks can be pickled and copied."""
        with self._lock:
            self._spool.seek(0)
            return vars(self) | {"_spool": self._spool.read(self.length * FLOAT_BYTES), "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        spool = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the track)
        spool.write(state["_spool"])
        vars(self).update(state, _spool=spool, _lock=threading.Lock())

    def __enter__(self) -> "AudioTrack":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _blocks(self) -> Iterator[np.ndarray]:
        for start in range(0, self.length, BLOCK):
            yield self.read(start, min(start + BLOCK, self.length))

    def _statistics(self) -> tuple[float, float]:
        mean = sum(block.sum(dtype=np.float64) for block in self._blocks()) / self.length
        squares = sum(np.square(block - mean, dtype=np.float64).sum() for block in self._blocks())
        return float(mean), float(squares / self.length)


def _resampled_length(num_samples: int, source_rate: int, sampling_rate: int) -> int:
    return -(-num_samples * sampling_rate // source_rate)


def _resample(
    blocks: Iterator[Block], spool: BufferedRandom, sampling_rate: int, name: str | Path
) -> tuple[int, int, int]:
    """Write a sound to `spool`, mono at `sampling_rate`; returns its samples, their rate, and its channels, 1 or 2."""
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=sampling_rate)

    def feed(block: np.ndarray) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), format="flt", layout="mono")
        frame.sample_rate = source_rate
        for resampled in resampler.resample(frame):
            spool.write(resampled.to_ndarray().tobytes())

    num_samples, source_rate, channels = 0, 0, 1
    first = next(blocks, None)
    if first is not None:
        source_rate = first[1]

    def checked(first: Block) -> Iterator[np.ndarray]:
        nonlocal num_samples, channels
        for samples, _, _ in chain([first], blocks):
            finite = np.isfinite(samples).all(axis=0)
            if not finite.all():
                seconds = (num_samples + int(finite.argmin())) / source_rate
                raise AudioError(f"{name} has NaN or infinite samples, first at {seconds:.3f} s; export it again")
            num_samples += samples.shape[1]
            channels = max(channels, min(2, len(samples)))
            yield samples

    if first is not None:
        for block in mono(checked(first), source_rate):
            feed(block)
    if num_samples == 0:
        raise AudioError(f"{name} holds no sound that can be decoded; check that it plays")
    # Silence pushes the last samples out of the resampler's filter; its own flush mirrors the sound instead.
    feed(np.zeros(source_rate // 50 + 64, np.float32))
    assert spool.tell() >= _resampled_length(num_samples, source_rate, sampling_rate) * FLOAT_BYTES
    return num_samples, source_rate, channels


@dataclass(frozen=True)
class _FileSound:
    """A file's sound, decoded each time it is called."""

    path: Path

    def __call__(self, *, quiet: bool = False) -> Iterator[Block]:
        with Media(self.path, AudioError) as media:
            yield from sound_blocks(media, quiet=quiet)

    def num_others(self) -> int:
        """How many sound tracks the file has besides the one that is taken."""
        with Media(self.path, AudioError) as media:
            return media.num_sounds - 1


@dataclass(frozen=True)
class ArraySound:
    """Samples (channels, N) of any type, at a rate in Hz, as they were given; of speech that was made, who speaks."""

    samples: np.ndarray
    rate: int
    speech: Mapping[str, str | None] | None = None

    @classmethod
    def check(cls, samples: Any, rate: Any) -> "ArraySound":
        """Samples and rate as a user gives them.

        Raises:
            AudioError: they are no sound, or at no scale that a sound has.
        """
        if hasattr(samples, "detach"):  # a torch tensor
            samples = samples.detach().cpu()
        samples = np.asarray(samples)
        if samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
            raise AudioError(
                f"the sound is {samples.dtype} {samples.shape}; give numbers of shape (N,) or (channels, N)"
            )
        number: Any = rate  # a number of any library
        if not isinstance(rate, Real | np.number) or not 1 <= number <= MAX_RATE or number != int(number):
            raise AudioError(f"the sound's sampling rate is {rate}; give samples per second, for example 16000")
        channels = np.atleast_2d(samples)
        if channels.shape[0] > channels.shape[1] > 0:
            raise AudioError(f"the sound has shape {samples.shape}; give (channels, N), that is samples.T")
        sound = cls(channels, int(number))
        sound._check_scale()
        return sound

    def _check_scale(self) -> None:
        kind, size = self.samples.dtype.kind, self.samples.dtype.itemsize
        peak = max((float(np.abs(part, dtype=np.float64).max()) for part in self._parts()), default=0.0)
        if kind == "f" and MAX_PEAK < peak < math.inf:
            raise AudioError(
                f"the sound has floats of up to {peak:g}; they must be within -1 to 1: divide 16-bit samples by 32768"
            )
        if kind in "iu" and (size > 4 or (size == 4 and 0 < peak <= 1 << 15)):
            raise AudioError(
                f"the sound is {self.samples.dtype} with values of up to {peak:.0f}, which is no full scale of that "
                "type; give 16-bit samples as int16, or floats from -1 to 1"
            )

    def _parts(self) -> Iterator[np.ndarray]:
        for start in range(0, self.samples.shape[1], BLOCK):
            yield self.samples[:, start : start + BLOCK]

    def __call__(self, *, quiet: bool = False) -> Iterator[Block]:
        for part in self._parts():
            samples = unit_scale(part)
            yield samples, self.rate, f"{len(samples)} channels"
