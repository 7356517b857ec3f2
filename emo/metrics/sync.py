"""Whether a mouth moves with its sound: correlation of lip opening and loudness, at every small lag."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from emo.errors import EmoError
from emo.media import SAMPLE_RATE, as_fps, num_frames, speech_band_loudness
from emo.metrics.checks import check_track

SLACK = 2  # frames by which a sound track may differ from its picture: codecs pad it


@dataclass(frozen=True)
class Sync:
    """How two tracks go together. A positive lag is a mouth that moves later than its sound.

    Attributes:
        correlation: Pearson's r at lag 0, -1...1.
        best: the greatest r.
        best_lag: its lag in frames, the smallest such lag.
        lags: (2 max_lag + 1,) int, ascending.
        correlations: (2 max_lag + 1,), r at each.
    """

    correlation: float
    best: float
    best_lag: int
    lags: np.ndarray = field(repr=False)
    correlations: np.ndarray = field(repr=False)


def mouth_sound_correlation(
    opening: np.ndarray, waveform: np.ndarray, fps: float | Fraction = 25.0, *, max_lag: int = 5
) -> Sync:
    """How a mouth goes with its recording.

    Args:
        opening: (T,) `mouth_opening` per frame.
        waveform: (N,) mono at 16 kHz, -1...1, of T frames' length, give or take SLACK frames.
        fps: frames per second.
        max_lag: frames to look to either side.

    Raises:
        EmoError: the lengths do not agree, there are too few frames for the lags, or a track is not finite.
    """
    opening = check_track(opening, "the mouth's opening")
    waveform = check_track(waveform, "the waveform")
    rate = as_fps(fps)
    expected = num_frames(len(waveform), SAMPLE_RATE, rate)
    if abs(expected - len(opening)) > SLACK:
        raise EmoError(
            f"{len(waveform)} samples of sound fill {expected} frames at {float(rate):g} per second, but the mouth "
            f"has {len(opening)}: give the sound of just these frames, mono at {SAMPLE_RATE} Hz"
        )
    times = (np.arange(len(opening)) + 0.5) / float(rate)
    return lagged_correlation(opening, speech_band_loudness(waveform, times), max_lag=max_lag)


def lagged_correlation(opening: np.ndarray, loudness: np.ndarray, *, max_lag: int = 5) -> Sync:
    """How a mouth goes with a loudness per frame, (T,) and (T,). Over the frames that both have at a lag.

    A track that is constant goes with nothing: r is 0.

    Raises:
        EmoError: the tracks are of different lengths, not finite, or not longer than 2 max_lag + 2 frames.
    """
    opening = check_track(opening, "the mouth's opening")
    loudness = check_track(loudness, "the loudness")
    frames = len(opening)
    if frames != len(loudness):
        raise EmoError(f"the mouth has {frames} frames and the loudness {len(loudness)}: give as many of each")
    if max_lag < 0 or frames <= 2 * max_lag + 2:
        raise EmoError(f"{frames} frames are too few for lags of -{max_lag} to {max_lag}: give more, or a smaller lag")
    lags = np.arange(-max_lag, max_lag + 1)
    correlations = np.array([
        _pearson(opening[max(lag, 0) : frames + min(lag, 0)], loudness[max(-lag, 0) : frames - max(lag, 0)])
        for lag in lags
    ])  # fmt: skip
    best = _highest(correlations)
    return Sync(float(correlations[max_lag]), float(correlations[best]), int(lags[best]), lags, correlations)


def common_lag(correlations: Sequence[np.ndarray]) -> int:
    """The lag, in frames, at which the mean over several videos of `Sync.correlations` is greatest.

    Syllables come again: one short video has several lags that fit nearly as well, but seldom the same ones as others.

    Raises:
        ValueError: there are none, or they are of different lengths.
    """
    mean = np.mean(np.stack(correlations), axis=0)
    return _highest(mean) - len(mean) // 2


def _highest(correlations: np.ndarray) -> int:
    """Index of the greatest, of those the nearest to the middle, which is lag 0."""
    middle = len(correlations) // 2
    return max(range(len(correlations)), key=lambda index: (correlations[index], -abs(index - middle)))


def _pearson(one: np.ndarray, other: np.ndarray) -> float:
    centered = [values - values.mean() for values in (one, other)]
    sizes = [np.linalg.norm(values) for values in centered]
    if any(size <= 1e-9 * np.linalg.norm(values) for size, values in zip(sizes, (one, other), strict=True)):
        return 0.0
    return float(centered[0] @ centered[1] / (sizes[0] * sizes[1]))
