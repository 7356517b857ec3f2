"""A recording, decoded once to mono at the audio encoder's rate, and read from there at random.

The samples lie in an anonymous temporary file (230 MB an hour at 16 kHz), so that memory does not grow with length.
Resampling is libswresample's; what it is fed and what is kept of its output is arranged here so that sample i of the
track is the source's sound at i / sampling_rate seconds, from the first sample to the last. The channel mix is not
left to it: its mono is 3 dB louder for stereo, and leaves channels out for some layouts.
"""

import logging
import tempfile
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np

from emo.errors import AudioError
from emo.media.files import require_file
from emo.media.rate import as_fps, num_frames

BLOCK = 1 << 18  # samples handled at a time
FLOAT_BYTES = 4

logger = logging.getLogger(__name__)


class AudioTrack:
    """A recording as mono float32, of any length, in constant memory. Made by `AudioTrack.open`.

    Attributes:
        path: the file it came from; None for arrays.
        num_samples: length at the source's rate, counted while decoding.
        source_rate: the source's rate in Hz.
        sampling_rate: this track's rate in Hz.
        length: samples in this track, exactly ceil(num_samples * sampling_rate / source_rate).
        duration: seconds, exact.
        mean, variance: statistics of the whole track, float.
    """

    def __init__(self, path: Path | None, spool: IO[bytes], num_samples: int, source_rate: int, sampling_rate: int):
        self.path = path
        self.num_samples = num_samples
        self.source_rate = source_rate
        self.sampling_rate = sampling_rate
        self.length = _resampled_length(num_samples, source_rate, sampling_rate)
        self.duration = Fraction(num_samples, source_rate)
        self._spool = spool
        self._lock = threading.Lock()
        self.mean, self.variance = self._statistics()

    @classmethod
    def open(cls, source: "str | Path | tuple | AudioTrack", sampling_rate: int = 16000) -> "AudioTrack":
        """Decode a recording.

        Channels are averaged. Of a damaged file what decodes is kept, with a warning in the log. Of a video file
        the first sound track is taken, from its own start.

        Args:
            source: a file of any container and codec, told by its content; or `(samples, rate)` with samples (N,)
                or (channels, N), an array or tensor, float in -1 to 1 or integer at full scale, and rate in Hz;
                or an AudioTrack, which is returned as it is.
            sampling_rate: of the track, in Hz.

        Raises:
            AudioError: naming the file, if it is missing, a directory, empty, not media, without a sound track, of
                an unknown codec, with NaN or infinite samples, or if nothing in it decodes.
        """
        from av.error import FFmpegError

        if isinstance(source, AudioTrack):
            return source
        if isinstance(source, tuple):
            path, name = None, "the sound"
            blocks = _array_blocks(*source)
        else:
            path = name = Path(source)
            require_file(path, AudioError)
            blocks = _file_blocks(path)
        try:
            spool = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the track)
            try:
                return cls(path, spool, *_resample(blocks, spool, sampling_rate, name), sampling_rate)
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
            self._spool.readinto(samples)
        return samples

    def num_frames(self, fps: int | float | str | Fraction) -> int:
        """Video frames that cover the recording, ceil(N * fps / sr) at the source's rate."""
        return num_frames(self.num_samples, self.source_rate, as_fps(fps))

    @contextmanager
    def mux_source(self) -> Iterator[Path]:
        """A file of this sound that ffmpeg can read, while the context lasts.

        It is the recording itself, at its full quality; for arrays a temporary WAV of the track (16 bit).
        """
        if self.path is not None:
            yield self.path
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sound.wav"
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, self.sampling_rate, self.length, "NONE", ""))
                for block in self._blocks():
                    file.writeframes(np.round(block.clip(-1, 1) * 32767).astype("<i2").tobytes())
            yield path

    def close(self) -> None:
        """Give the temporary file back."""
        self._spool.close()

    def __getstate__(self) -> dict[str, object]:
        """All of it: a copy has a temporary file of its own."""
        with self._lock:
            self._spool.seek(0)
            return vars(self) | {"_spool": self._spool.read(self.length * FLOAT_BYTES), "_lock": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        spool = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the track)
        vars(self).update(state, _spool=spool, _lock=threading.Lock())
        self._spool.write(state["_spool"])

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
    blocks: Iterator[tuple[np.ndarray, int]], spool: IO[bytes], sampling_rate: int, name: str | Path
) -> tuple[int, int]:
    """Write mono blocks to `spool` at `sampling_rate`; returns the number of source samples and their rate."""
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=sampling_rate)

    def feed(block: np.ndarray) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), format="flt", layout="mono")
        frame.sample_rate = source_rate
        for resampled in resampler.resample(frame):
            spool.write(resampled.to_ndarray())

    num_samples = 0
    source_rate = None
    for block, rate in blocks:
        source_rate = source_rate or rate
        if rate != source_rate:
            raise AudioError(f"{name} changes its sampling rate from {source_rate} to {rate} Hz; convert it first")
        finite = np.isfinite(block)
        if not finite.all():
            seconds = (num_samples + int(finite.argmin())) / source_rate
            raise AudioError(f"{name} has NaN or infinite samples, first at {seconds:.3f} s; export it again")
        feed(block)
        num_samples += block.size
    if num_samples == 0:
        raise AudioError(f"{name} holds no sound that can be decoded; check that it plays")
    # Silence pushes the last samples out of the resampler's filter; its own flush mirrors the sound instead.
    feed(np.zeros(source_rate // 50 + 64, np.float32))
    assert spool.tell() >= _resampled_length(num_samples, source_rate, sampling_rate) * FLOAT_BYTES
    return num_samples, source_rate


def _array_blocks(samples: object, rate: int) -> Iterator[tuple[np.ndarray, int]]:
    if hasattr(samples, "detach"):  # a torch tensor
        samples = samples.detach().cpu()
    samples = np.asarray(samples)
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
        raise AudioError(f"the sound is {samples.dtype} {samples.shape}; give numbers of shape (N,) or (channels, N)")
    if rate != int(rate) or rate < 1:
        raise AudioError(f"the sound's sampling rate is {rate}; give samples per second, for example 16000")
    channels = np.atleast_2d(samples)
    if channels.shape[0] > channels.shape[1] > 0:
        raise AudioError(f"the sound has shape {samples.shape}; give (channels, N), that is samples.T")
    for start in range(0, channels.shape[1], BLOCK):
        yield _mono(channels[:, start : start + BLOCK]), int(rate)


def _file_blocks(path: Path) -> Iterator[tuple[np.ndarray, int]]:
    import av

    with av.open(f"file:{path}") as container:
        if not container.streams.audio:
            raise AudioError(f"{path} has no sound track; give a recording")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise AudioError(f"{path} has sound of an unknown codec; convert it to WAV, FLAC or MP3 first")
        last, rate, num_samples = None, 0, 0
        for frame in _frames(container, stream, path):
            if last is not None:
                yield last, rate
            samples = frame.to_ndarray()
            if not frame.format.is_planar:
                samples = samples.reshape(-1, frame.layout.nb_channels).T
            last, rate = _mono(samples), frame.sample_rate
            num_samples += last.size
        if last is not None:
            # The mp4 family states its length to the sample; what AAC pads its last packet with lies beyond it.
            if "mp4" in container.format.name and stream.duration:
                padding = num_samples - round(stream.duration * stream.time_base * rate)
                if 0 < padding < last.size:
                    last = last[:-padding]
            yield last, rate


def _frames(container: object, stream: object, path: Path) -> Iterator[object]:
    """Every frame that decodes. Damaged packets are skipped, as ffmpeg does when it muxes the sound later."""
    from av.error import FFmpegError

    packets = container.demux(stream)
    skipped = 0
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            logger.warning("%s is cut off or damaged; what comes before the damage is used", path)
            break
        if packet is None:
            break
        try:
            frames = packet.decode()
        except FFmpegError:
            skipped += 1
            continue
        yield from frames
    if skipped:
        logger.warning("%s is damaged; %d packets of its sound were skipped", path, skipped)


def _mono(channels: np.ndarray) -> np.ndarray:
    """Mean over (channels, N) samples of any type; integers are scaled to -1 ... 1."""
    kind, bits = channels.dtype.kind, channels.dtype.itemsize * 8
    mono = channels.mean(axis=0, dtype=np.float64)
    if kind in "iu":
        half = 1 << (bits - 1)
        mono = (mono - half) / half if kind == "u" else mono / half
    return mono.astype(np.float32)
