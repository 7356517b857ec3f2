"""Several sounds as one: silence after a short one, and all of them heard at once."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from emo.media.audio import BLOCK, AudioTrack
from emo.media.sound import Block

PEAK = 0.98  # that several voices together reach at most


def padded(track: AudioTrack, num_samples: int) -> AudioTrack:
    """A sound with silence after it.

    Its mean and variance stay those of the sound, so that a voice is as loud to an encoder as it is alone.

    Args:
        track: the sound.
        num_samples: of the result, at the sound's own rate, no fewer than it has.
    """
    assert num_samples >= track.num_samples
    made = _track(_Padded(track, num_samples, track.source_rate, track.channels, track.path), track.sampling_rate)
    made.mean, made.variance = track.mean, track.variance
    return made


def silence(num_samples: int, rate: int) -> AudioTrack:
    """Nothing to hear, at a rate in Hz."""
    return _track(_Padded(None, num_samples, rate, 1, None), rate)


def mixed(tracks: Sequence[AudioTrack]) -> AudioTrack:
    """Sounds heard together, from one beginning, as long as the longest.

    Where they would be louder than full scale together, all become softer by the same.

    Args:
        tracks: one or more of one `sampling_rate`; the result has the highest of their sources' rates.
    """
    rate = max(track.source_rate for track in tracks)
    length = max(-(-track.num_samples * rate // track.source_rate) for track in tracks)
    whole = _Mixed(tuple(tracks), rate, length, max(track.channels for track in tracks), 1.0)
    peak = max(float(np.abs(samples).max()) for samples, _, _ in whole())
    gain = min(1.0, PEAK / peak) if peak > 1 else 1.0
    return _track(_Mixed(whole.tracks, rate, length, whole.channels, gain), tracks[0].sampling_rate)


def _track(source: Any, sampling_rate: int) -> AudioTrack:
    return AudioTrack(source, tempfile.TemporaryFile(), sampling_rate)


@dataclass(frozen=True)
class _Padded:
    """A sound, if there is one, and silence up to `num_samples`."""

    track: AudioTrack | None
    num_samples: int
    rate: int
    channels: int
    path: Path | None

    def __call__(self, *, quiet: bool = False) -> Iterator[Block]:
        layout, length = f"{self.channels} channels", 0
        for block in self.track.blocks() if self.track else ():
            length += len(block)
            yield block.T, self.rate, layout
        while length < self.num_samples:
            more = min(BLOCK, self.num_samples - length)
            length += more
            yield np.zeros((self.channels, more), np.float32), self.rate, layout


@dataclass(frozen=True)
class _Mixed:
    """Sounds added up, times a gain."""

    tracks: tuple[AudioTrack, ...]
    rate: int
    num_samples: int
    channels: int
    gain: float

    def __call__(self, *, quiet: bool = False) -> Iterator[Block]:
        voices = [_Voice(track, self.rate) for track in self.tracks]
        for start in range(0, self.num_samples, BLOCK):
            count = min(BLOCK, self.num_samples - start)
            total = np.zeros((self.channels, count), np.float32)
            for voice in voices:
                total += voice.take(count)
            yield total * np.float32(self.gain), self.rate, f"{self.channels} channels"


class _Voice:
    """One sound at a rate, taken in parts; silence after its end."""

    def __init__(self, track: AudioTrack, rate: int):
        self._parts = _resampled(track, rate)
        self._left = np.zeros((track.channels, 0), np.float32)

    def take(self, count: int) -> np.ndarray:
        """The next `count` samples, (channels, count)."""
        parts = [self._left]
        length = self._left.shape[1]
        while length < count and (part := next(self._parts, None)) is not None:
            parts.append(part)
            length += part.shape[1]
        parts.append(np.zeros((len(self._left), max(0, count - length)), np.float32))
        taken, self._left = np.split(np.concatenate(parts, axis=1), [count], axis=1)
        return taken


def _resampled(track: AudioTrack, rate: int) -> Iterator[np.ndarray]:
    """A sound at full quality and another rate, (channels, n) each."""
    if track.source_rate == rate:
        yield from (block.T for block in track.blocks())
        return
    import av

    layout = "mono" if track.channels == 1 else "stereo"
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    end = np.zeros((track.source_rate // 50 + 64, track.channels), np.float32)  # as a track's end; see AudioTrack
    length = -(-track.num_samples * rate // track.source_rate)
    for block in chain(track.blocks(), [end]):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format="fltp", layout=layout)
        frame.sample_rate = track.source_rate
        for part in resampler.resample(frame):
            samples = part.to_ndarray()[:, :length]
            length -= samples.shape[1]
            yield samples
