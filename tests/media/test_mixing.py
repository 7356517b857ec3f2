"""Sounds are lengthened by silence and heard together, whatever their rates and channels."""

import numpy as np
import pytest

from emo.media import AudioTrack
from emo.media.mixing import PEAK, mixed, padded, silence


def tone(rate: int, seconds: float, hertz: float = 300, size: float = 0.4) -> np.ndarray:
    return (size * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def heard(track: AudioTrack) -> np.ndarray:
    return np.concatenate(list(track.blocks()))


def test_a_padded_sound_is_the_sound_and_then_silence():
    track = AudioTrack.open((tone(44100, 0.5), 44100))
    longer = padded(track, 44100)
    assert (longer.num_samples, longer.source_rate, longer.length) == (44100, 44100, 16000)
    np.testing.assert_array_equal(longer.read(0, 7900), track.read(0, 7900))
    assert not longer.read(8100, 16000).any()
    np.testing.assert_array_equal(heard(longer)[:22050], heard(track))
    assert not heard(longer)[22050:].any()
    assert (longer.mean, longer.variance) == (track.mean, track.variance)


def test_silence_is_silent():
    track = silence(12_345, 16000)
    assert (track.num_samples, track.channels, track.num_frames(25)) == (12_345, 1, 20)
    assert not heard(track).any()


def test_sounds_of_one_rate_add_up_exactly():
    one, other = tone(16000, 0.5), tone(16000, 0.2, hertz=500)
    both = mixed([AudioTrack.open((one, 16000)), AudioTrack.open((other, 16000))])
    expected = one.copy()
    expected[: len(other)] += other
    np.testing.assert_allclose(heard(both)[:, 0], expected, atol=1e-7)


def test_rates_and_channels_may_differ():
    left = np.stack([tone(22050, 1.0, 440), np.zeros(22050, np.float32)])
    both = mixed([AudioTrack.open((left, 22050)), AudioTrack.open((tone(16000, 0.5, 200), 16000))])
    assert (both.source_rate, both.channels, both.num_samples) == (22050, 2, 22050)
    samples = heard(both)
    expected = tone(22050, 0.5, 200)
    np.testing.assert_allclose(samples[300:10700, 1], expected[300:10700], atol=5e-3)
    np.testing.assert_allclose(samples[12000:], left.T[12000:], atol=1e-6)


def test_voices_that_are_too_loud_together_become_softer():
    loud = tone(16000, 0.3, size=0.9)
    samples = heard(mixed([AudioTrack.open((loud, 16000))] * 2))[:, 0]
    assert np.abs(samples).max() == pytest.approx(PEAK, abs=1e-4)
    np.testing.assert_allclose(samples, loud * (PEAK / np.abs(loud).max()), atol=1e-5)


def test_a_mixture_is_read_twice_the_same():
    both = mixed([AudioTrack.open((tone(16000, 0.3), 16000)), silence(8000, 16000)])
    np.testing.assert_array_equal(heard(both), heard(both))
    assert both.num_frames(25) == 13
