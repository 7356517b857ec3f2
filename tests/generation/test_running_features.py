"""Sound that arrives: the same features as of a file, no more memory, little delay, and nothing made of pauses."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from tiny import noise, tiny_config
from transformers import Wav2Vec2FeatureExtractor

from emo.errors import AudioError
from emo.generation.running_features import RunningFeatures, RunningLevel, live_features
from emo.hub.build import build_audio_encoder
from emo.media import INTERRUPTION, AudioTrack, LiveSound

RATE = 16000
EXTRACTOR = Wav2Vec2FeatureExtractor()
FPS = Fraction(25)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return build_audio_encoder(tiny_config().audio_encoder)


def speech(seconds: float, rate: int = RATE) -> np.ndarray:
    """Noise that swells and fades, with a pause of 1.5 s after three seconds."""
    samples, _ = noise(seconds, rate)
    time = np.arange(len(samples)) / rate
    loud = np.where((time > 3) & (time < 4.5), 1e-3, 0.2 + np.sin(7 * time) ** 2)
    return (samples * loud + 0.02).astype(np.float32)


def cut(samples: np.ndarray, *sizes: int) -> list[np.ndarray]:
    """Chunks of these sizes, over and over."""
    chunks, start = [], 0
    while start < len(samples):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(samples[start : start + size])
        start += size
    return chunks


def live(encoder, chunks, fps=FPS, rate: int = RATE) -> list[torch.Tensor]:
    sound = LiveSound(RATE, rate)
    return list(live_features(sound, RunningFeatures(sound, encoder, EXTRACTOR, fps), chunks))


def file(encoder, samples, fps=FPS, rate: int = RATE) -> RunningFeatures:
    track = AudioTrack.open((samples, rate))
    return RunningFeatures(track, encoder, EXTRACTOR, fps, track.num_frames(fps))


@pytest.mark.parametrize(
    ("fps", "rate", "seconds", "sizes"),
    [
        (FPS, RATE, 6.37, (640,)),
        (FPS, 44100, 6.1, (1, 4410, 999)),
        (Fraction(30000, 1001), 48000, 5.0, (480,)),
        (FPS, RATE, 1.3, (333,)),
        (FPS, RATE, 0.2, (100,)),
        (FPS, RATE, 0.001, (100,)),
    ],
)
def test_sound_as_it_comes_and_as_a_file_has_the_same_features(encoder, fps, rate, seconds, sizes):
    samples = speech(seconds, rate)
    whole = file(encoder, samples, fps, rate)
    made = torch.cat(live(encoder, cut(samples, *sizes), fps, rate))
    assert len(made) == math.ceil(len(samples) * fps / rate)
    torch.testing.assert_close(made, whole.windows(0, len(made), 0)[0, :, 0], rtol=1e-4, atol=1e-4)


def test_an_interruption_makes_silence_of_what_is_in_no_hop(encoder):
    sound, samples = LiveSound(), speech(1.0)
    features = RunningFeatures(sound, encoder, EXTRACTOR, FPS)
    made, drawn = [], round(0.32 * RATE)

    def chunks():
        yield samples[: round(0.6 * RATE)]
        assert len(made) == 1
        yield INTERRUPTION
        np.testing.assert_array_equal(sound.read(0, drawn), samples[:drawn])
        assert not sound.read(drawn, sound.length).any()
        yield samples[round(0.6 * RATE) :]

    made.extend([next(hops := live_features(sound, features, chunks()))])
    made.extend(hops)
    assert sum(map(len, made)) == 25
    np.testing.assert_array_equal(sound.read(round(0.6 * RATE), RATE), samples[round(0.6 * RATE) :])


@torch.no_grad()
def test_files_in_windows_are_the_whole(encoder):
    samples = speech(6.3)
    whole = file(encoder, samples).windows(0, 158, 2)
    pieces = file(encoder, samples)
    for start in (0, 12, 50, 100, 146):
        torch.testing.assert_close(pieces.windows(start, start + 12, 2), whole[:, start : start + 12])
        assert len(pieces._kept) <= 4


def test_the_first_frames_need_half_a_second_and_all_later_ones_wait_as_long(encoder):
    sound = LiveSound()
    features = RunningFeatures(sound, encoder, EXTRACTOR, FPS)
    pushed = 0

    def chunks():
        nonlocal pushed
        for chunk in cut(speech(6), 160):
            pushed += len(chunk)
            yield chunk

    frames = 0
    assert features.delay <= Fraction(1, 2)
    for hop in live_features(sound, features, chunks()):
        if frames + len(hop) < 6 * 25:
            delay = Fraction(pushed, RATE) - frames / FPS
            assert features.delay <= delay <= features.delay + Fraction(1, 100)
        frames += len(hop)
    assert frames == 6 * 25


def test_no_frame_hears_what_comes_later(encoder):
    one, other = speech(5), speech(5)
    later = RunningFeatures(LiveSound(), encoder, EXTRACTOR, FPS).needed(4)
    other[later:] = 0.7
    for a, b in list(zip(live(encoder, cut(one, 800)), live(encoder, cut(other, 800)), strict=True))[:5]:
        assert torch.equal(a, b)


def test_what_was_heard_long_ago_is_forgotten(encoder):
    sound = LiveSound()
    features = RunningFeatures(sound, encoder, EXTRACTOR, FPS)
    chunk = noise(0.32)[0]
    for _ in live_features(sound, features, (chunk for _ in range(60))):
        assert len(sound._samples) <= 3 * RATE
        assert len(features._level._sounds) <= 3 * 50 + 50
    assert sound.length == 60 * len(chunk)


def test_level_is_that_of_what_sounds():
    level = RunningLevel(RATE)
    samples = np.concatenate([noise(1)[0] * 1e-3, noise(2)[0] + 0.05, noise(3)[0] * 1e-3])
    for chunk in cut(samples, 3200):
        level.hear(chunk)
    assert level.mean == pytest.approx(0.05, abs=0.002)
    assert math.sqrt(level.variance) == pytest.approx(0.1, rel=0.02)


def test_pauses_are_silent_and_what_sounds_is_whole():
    level = RunningLevel(RATE)
    samples = np.concatenate([noise(1)[0] * 1e-3, noise(2)[0], noise(3)[0] * 1e-3])
    level.hear(samples)
    normal = level.normalize(samples, 0)
    assert not normal[: int(0.85 * RATE)].any()
    assert not normal[int(3.35 * RATE) :].any()
    assert normal[RATE : 3 * RATE].std() == pytest.approx(1, rel=0.02)
    np.testing.assert_array_equal(level.normalize(samples[20000:30000], 20000), normal[20000:30000])
    level.forget(40000)
    np.testing.assert_array_equal(level.normalize(samples[40000:], 40000), normal[40000:])


def test_a_sound_that_never_was_is_told(encoder):
    with pytest.raises(AudioError, match="ended before it began"):
        live(encoder, [])
    with pytest.raises(AudioError, match="takes 16000"):
        RunningFeatures(LiveSound(8000), encoder, EXTRACTOR, FPS)
