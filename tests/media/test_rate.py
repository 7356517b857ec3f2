"""Frame rates and frame counts."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo.errors import EmoError
from emo.media import as_fps, num_frames


@pytest.mark.parametrize(
    ("value", "fps"),
    [
        (25, Fraction(25)),
        (29.97, Fraction(2997, 100)),
        (23.976, Fraction(2997, 125)),
        ("30000/1001", Fraction(30000, 1001)),
        ("29.97", Fraction(2997, 100)),
        (30000 / 1001, Fraction(30000, 1001)),
        (np.float32(29.97), Fraction(2997, 100)),
        (Fraction(24000, 1001), Fraction(24000, 1001)),
        (240, Fraction(240)),
        (0.5, Fraction(1, 2)),
    ],
)
def test_rates_are_exact(value, fps):
    assert as_fps(value) == fps


@pytest.mark.parametrize("value", [0, -25, 240.001, 1000, math.nan, math.inf, "fast", "", "1/0", None, True, 1e-9])
def test_bad_rates(value):
    with pytest.raises(EmoError, match="fps"):
        as_fps(value)


@given(st.fractions(min_value="1/100", max_value=240, max_denominator=100_000))
def test_rates_survive_text_and_themselves(fps):
    assert as_fps(fps) == as_fps(str(fps)) == as_fps(as_fps(fps)) == fps


@given(st.decimals(min_value="0.01", max_value=240, places=3))
def test_floats_are_read_by_their_decimal_text(decimal):
    assert as_fps(float(decimal)) == Fraction(decimal)


@given(
    st.integers(1, 10**10),
    st.integers(8000, 192_000),
    st.fractions(min_value=1, max_value=240, max_denominator=1001),
)
def test_frames_just_cover_the_recording(samples, rate, fps):
    frames = num_frames(samples, rate, fps)
    duration = Fraction(samples, rate)
    assert (frames - 1) / fps < duration <= frames / fps


def test_whole_frames_are_not_rounded_up():
    assert num_frames(16000 * 11, 16000, Fraction(25)) == 275
    assert num_frames(16000 * 11 + 1, 16000, Fraction(25)) == 276
    assert num_frames(48000 * 1001, 48000, Fraction(30000, 1001)) == 30000
