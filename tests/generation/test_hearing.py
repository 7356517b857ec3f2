"""Whisper hears as wav2vec 2.0 does: states in time, chunks with context, a sound as it comes."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from made_encoders import whisper
from tiny import noise

from emo.generation.audio_features import AudioFeatures, SampleWaveform
from emo.generation.hearing import WhisperHearing, hearing_of
from emo.generation.running_features import RunningFeatures, live_features
from emo.media import LiveSound

RATE = 16000


@pytest.fixture(scope="module")
def hearing():
    return whisper()


@pytest.fixture(scope="module")
def local_hearing():
    """Whisper whose states see their own moment and its neighbors alone."""
    encoder, extractor = whisper()
    for layer in encoder.layers:
        torch.nn.init.zeros_(layer.self_attn.out_proj.weight)
    return encoder, extractor


def features(hearing, samples, fps=Fraction(25)):
    num_frames = math.ceil(len(samples) / RATE * fps)
    return AudioFeatures(SampleWaveform(samples, RATE), *hearing, fps, num_frames)


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), Fraction(30000, 1001)])
@pytest.mark.parametrize("seconds", [0.1, 3.0, 27.9, 28.2])
@torch.no_grad()
def test_a_burst_peaks_on_the_frame_it_falls_in(local_hearing, fps, seconds):
    """Also where chunks meet, at 28 s. The loudest tells the scale, so it is there in both sounds."""
    quiet = noise(math.ceil(seconds + 2))[0] * 0.1
    time = seconds + 0.013
    burst = quiet.copy()
    burst[round(time * RATE) - 80 : round(time * RATE) + 80] *= 4
    one, other = (features(local_hearing, samples, fps) for samples in (quiet, burst))
    first = max(0, math.floor(seconds * fps) - 5)
    difference = (one.windows(first, first + 12, 0) - other.windows(first, first + 12, 0)).flatten(2).norm(dim=-1)[0]
    assert abs(first + int(difference.argmax()) - (time * fps - Fraction(1, 2))) <= 0.75


@torch.no_grad()
def test_states_are_those_of_the_sound_without_what_fills_the_window(hearing):
    encoder, extractor = hearing
    samples = torch.from_numpy(noise(1.5)[0])
    states = hearing_of(encoder, extractor).states(samples)
    assert states.shape == (75, 2, 16)
    spectrogram = extractor(samples.numpy(), sampling_rate=RATE, return_tensors="pt").input_features
    expected = encoder(spectrogram, output_hidden_states=True)
    assert torch.equal(states[:, -1], expected.last_hidden_state[0, :75])
    assert torch.equal(states[:, 0], expected.hidden_states[1][0, :75])


@torch.no_grad()
def test_features_do_not_depend_on_where_a_clip_begins(hearing):
    samples = noise(30.5)[0]
    whole = features(hearing, samples).windows(690, 720, 2)
    parts = features(hearing, samples)
    assert parts.num_chunks == 2
    pieces = [parts.windows(start, start + 10, 2) for start in (690, 700, 710)]
    assert torch.equal(torch.cat(pieces, dim=1), whole)
    assert whole.shape == (1, 30, 5, 2, 16)
    assert whole.isfinite().all()


@torch.no_grad()
def test_a_chunk_hears_a_second_beyond_its_border(hearing):
    """A change 0.5 s behind the border is heard before it; one 1.5 s behind is not."""
    samples = noise(31)[0]
    before = features(hearing, samples).windows(680, 699, 0)
    for seconds, heard in ((28.5, True), (29.5, False)):
        changed = samples.copy()
        changed[int(seconds * RATE) : int(seconds * RATE) + 3000] = 0
        assert torch.equal(features(hearing, changed).windows(680, 699, 0), before) != heard


@torch.no_grad()
def test_a_sound_as_it_comes_and_as_a_file(hearing):
    samples = noise(1.3)[0] * 0.2
    samples[6000:14000] *= 0.001  # a pause
    file = RunningFeatures(SampleWaveform(samples, RATE), *hearing, Fraction(25), 33)
    together = file.windows(0, 33, 0)[0, :, 0]
    for size in (1000, 5000):
        sound = LiveSound(RATE)
        chunks = ((samples[start : start + size], RATE) for start in range(0, len(samples), size))
        parts = list(live_features(sound, RunningFeatures(sound, *hearing, Fraction(25)), chunks))
        torch.testing.assert_close(torch.cat(parts), together)


def test_a_pause_is_muted_and_nothing_is_scaled(hearing, monkeypatch):
    """Whisper scales by itself; a wav2vec's sound would have variance 1."""
    heard = []
    monkeypatch.setattr(WhisperHearing, "at", lambda self, samples, centers: heard.append(samples) or torch.zeros(1))
    samples = noise(2.0)[0] * 0.2
    samples[8000:] *= 0.001
    running = RunningFeatures(SampleWaveform(samples, RATE), *hearing, Fraction(25), 50)
    for _ in range(6):
        running.next_hop()
    last = heard[-1].numpy()
    np.testing.assert_array_equal(last[:8000], samples[:8000])
    assert not last[-3000:].any()
