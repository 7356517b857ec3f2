"""Sound in chunks is the sound of the whole."""

import numpy as np
import pytest
from tiny import noise

from emo.errors import AudioError
from emo.media import AudioTrack, LiveSound, Recording


def pushed(chunks, rate: int = 16000, source_rate: int = 16000) -> np.ndarray:
    sound = LiveSound(rate, source_rate)
    for chunk in chunks:
        sound.push(chunk)
    sound.finish()
    return sound.read(0, sound.length)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_chunks_are_a_tracks_samples(rate):
    samples, _ = noise(1.23, rate)
    with AudioTrack.open((samples, rate)) as track:
        whole = track.read(0, track.length)
    chunks = [samples[start : start + 777] for start in range(0, len(samples), 777)]
    np.testing.assert_allclose(pushed(chunks, source_rate=rate), whole, atol=1e-6)
    np.testing.assert_allclose(pushed([(chunk, rate) for chunk in chunks]), whole, atol=1e-6)


def test_chunks_of_any_kind():
    samples, _ = noise(0.5)
    plain = pushed([samples])
    integers = (samples * 32768).round().astype(np.int16)
    np.testing.assert_allclose(pushed([integers]), plain, atol=1e-4)
    np.testing.assert_allclose(pushed([np.stack([samples, samples])]), plain, atol=1e-6)
    np.testing.assert_allclose(pushed([samples[:0], samples]), plain, atol=0)


def test_samples_may_be_forgotten():
    samples, _ = noise(1)
    sound = LiveSound()
    sound.push(samples[:8000])
    sound.forget(4000)
    sound.push(samples[8000:])
    np.testing.assert_array_equal(sound.read(7000, 12000), samples[7000:12000])
    assert len(sound._samples) == 12000


def test_what_was_heard_from_a_sample_on_may_become_silence():
    samples, _ = noise(1)
    sound = LiveSound()
    sound.push(samples[:8000])
    sound.forget(4000)
    sound.silence(6000)
    sound.push(samples[8000:])
    np.testing.assert_array_equal(sound.read(4000, 6000), samples[4000:6000])
    assert not sound.read(6000, 8000).any()
    np.testing.assert_array_equal(sound.read(8000, 16000), samples[8000:])
    sound.forget(9000)
    sound.silence(5000)  # of which some is forgotten
    assert not sound.read(9000, 16000).any()


def test_what_is_no_sound_is_told():
    sound = LiveSound()
    sound.push((np.zeros(100, np.float32), 44100))
    with pytest.raises(AudioError, match="from 44100 to 16000"):
        sound.push((np.zeros(100, np.float32), 16000))
    for chunk, words in (
        (np.full(100, np.nan, np.float32), "NaN"),
        (np.full(100, 300.0), "within -1 to 1"),
        (np.zeros((2, 3, 4)), "give numbers of shape"),
    ):
        with pytest.raises(AudioError, match=words):
            LiveSound().push(chunk)


def test_a_recording_keeps_what_goes_by():
    samples, rate = noise(5, 44100)
    chunks = [(samples[start : start + 5000], rate) for start in range(0, len(samples), 5000)]
    with Recording() as recording:
        assert sum(len(chunk) for chunk, _ in recording.keep(chunks)) == len(samples)
        assert (recording.source_rate, recording.channels) == (rate, 1)
        np.testing.assert_array_equal(np.concatenate(list(recording.blocks()))[:, 0], samples)
