import numpy as np
import pytest

from emo.media import speech_band_loudness

RATE = 16000


def tone(hertz: float, start: float, stop: float, seconds: float = 2.0) -> np.ndarray:
    """A tone that sounds from start to stop over faint noise, (N,) at 16 kHz."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = 1e-3 * np.random.default_rng(0).normal(0, 1, len(time))
    return 0.5 * np.sin(2 * np.pi * hertz * time) * ((time >= start) & (time < stop)) + noise


def test_loudness_rises_and_falls_with_the_sound_without_delay():
    times = np.arange(200) / 100
    level = speech_band_loudness(tone(700, 0.6, 1.2), times)
    assert level.shape == (200,)
    assert level.min() >= 0
    assert level.max() <= 1
    above = times[level > 0.5]
    assert above[0] == pytest.approx(0.6, abs=0.03)
    assert above[-1] == pytest.approx(1.2, abs=0.03)
    assert level[80:100].min() > 0.95
    assert level[:45].max() < 0.1


@pytest.mark.parametrize("hertz", [60, 6000])
def test_hum_and_hiss_are_not_speech(hertz):
    level = speech_band_loudness(tone(700, 0.2, 0.6) + tone(hertz, 1.0, 1.6), np.array([0.4, 1.3]))
    assert level[0] > 0.9
    assert level[1] < 0.1


def test_it_does_not_depend_on_the_recordings_level():
    times = np.linspace(0, 2, 50)
    speech = tone(700, 0.2, 0.6) + 0.3 * tone(1200, 1.0, 1.6)
    np.testing.assert_allclose(
        speech_band_loudness(speech, times), speech_band_loudness(0.3 * speech, times), atol=0.02
    )


def test_silence_is_0_and_times_beyond_the_ends_repeat_them():
    for silence in (np.zeros(2 * RATE), 1e-4 * tone(700, 0.5, 1.0)):
        assert not speech_band_loudness(silence, np.arange(20) / 10).any()
    level = speech_band_loudness(tone(700, 1.5, 2.0), np.array([-3.0, 0.0, 1.9, 2.0, 9.0]))
    assert level[0] == level[1]
    assert level[-1] > 0.4
