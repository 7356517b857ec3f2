from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emo.errors import EmoError
from emo.metrics import common_lag, lagged_correlation, mouth_sound_correlation


def syllables(frames: int, seed: int = 0) -> np.ndarray:
    """A random loudness per frame, 0...1, smooth over two or three frames."""
    noise = np.random.default_rng(seed).normal(0, 1, frames + 8)
    smooth = np.convolve(noise, np.exp(-0.5 * (np.arange(-4, 5) / 1.2) ** 2), "valid")
    return (smooth - smooth.min()) / np.ptp(smooth)


def voice(loudness: np.ndarray, fps: float = 25.0) -> np.ndarray:
    """A 700 Hz tone at 16 kHz whose level in decibels follows the loudness."""
    time = np.arange(round(len(loudness) / fps * 16000)) / 16000
    level = np.interp(time, (np.arange(len(loudness)) + 0.5) / fps, loudness)
    return 0.5 * 10 ** ((level - 1) * 26 / 20) * np.sin(2 * np.pi * 700 * time)


@settings(max_examples=30, deadline=None)
@given(st.integers(-5, 5), st.integers(0, 100), st.floats(0.01, 100), st.floats(-10, 10))
def test_an_inserted_shift_is_found_with_its_sign(shift, seed, gain, offset):
    loudness = syllables(80, seed)
    later = gain * np.roll(loudness, shift)[10:-10] + offset  # the mouth comes `shift` frames after the sound
    sync = lagged_correlation(later, loudness[10:-10])
    assert sync.best_lag == shift
    assert sync.best == pytest.approx(1)
    assert sync.correlations[sync.lags == shift] == pytest.approx(1)
    assert sync.correlation == sync.correlations[5]
    assert sync.lags.tolist() == list(range(-5, 6))


@pytest.mark.parametrize("shift", [-2, 0, 3])
@pytest.mark.parametrize("fps", [25, 29.97])
def test_a_mouth_is_compared_with_its_recording(shift, fps):
    loudness = syllables(75)
    sync = mouth_sound_correlation(np.roll(loudness, shift), voice(loudness, fps), fps)
    assert sync.best_lag == shift
    assert sync.best > 0.9


def test_several_videos_share_one_lag():
    """Each alone fits at other lags as well, or better."""
    curves = np.zeros((3, 11))
    curves[:, 3] = 0.5
    curves[[0, 1, 2], [0, 7, 9]] = 0.6
    assert common_lag(curves) == -2
    assert common_lag(curves[:1]) == -5
    assert common_lag(np.zeros((2, 11))) == 0
    with pytest.raises(ValueError, match="same shape"):
        common_lag([np.zeros(11), np.zeros(9)])


def test_a_mouth_against_its_sound_is_negative():
    loudness = syllables(60)
    assert lagged_correlation(-loudness, loudness).correlation == pytest.approx(-1)


def test_what_is_constant_goes_with_nothing():
    for constant in (np.zeros(40), np.full(40, 0.1), np.full(40, 1 / 3)):
        for pair in ((constant, syllables(40)), (syllables(40), constant), (constant, constant)):
            sync = lagged_correlation(*pair)
            assert (sync.correlation, sync.best, sync.best_lag) == (0, 0, 0)
            assert not sync.correlations.any()
    assert mouth_sound_correlation(syllables(50), np.zeros(32000)).correlation == 0


def test_lengths_that_do_not_agree_are_errors():
    loudness = syllables(75)
    with pytest.raises(EmoError, match="75 frames and the loudness 74"):
        lagged_correlation(loudness, loudness[:-1])
    with pytest.raises(EmoError, match=r"fill 75 frames .* has 72"):
        mouth_sound_correlation(loudness[:72], voice(loudness))
    with pytest.raises(EmoError, match=r"fill 75 frames .* has 90"):
        mouth_sound_correlation(syllables(90), voice(loudness), Fraction(25))
    assert mouth_sound_correlation(loudness[:74], voice(loudness)).correlation > 0.9


def test_too_short_or_broken_tracks_are_errors():
    with pytest.raises(EmoError, match="too few"):
        lagged_correlation(syllables(12), syllables(12), max_lag=5)
    assert lagged_correlation(syllables(13), syllables(13), max_lag=5).best_lag == 0
    with pytest.raises(EmoError, match="finite"):
        lagged_correlation(np.full(40, np.nan), syllables(40))
    with pytest.raises(EmoError, match="one per frame"):
        lagged_correlation(np.zeros((40, 2)), syllables(40))
