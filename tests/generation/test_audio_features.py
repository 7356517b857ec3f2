"""Sound and picture in time: hidden states at frame centers, chunks, windows."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from tiny import noise, tiny_config
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emo.generation.audio_features import AudioFeatures
from emo.hub.build import build_audio_encoder
from emo.media import AudioTrack

RATE = 16000


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return build_audio_encoder(tiny_config().audio_encoder)


class Neighbors(torch.nn.Module):
    """Mean over a state and its neighbors, (B, L, C) → (B, L, C)."""

    def forward(self, states):
        return torch.nn.functional.avg_pool1d(states.transpose(1, 2), 3, stride=1, padding=1).transpose(1, 2)


@pytest.fixture(scope="module")
def local_encoder():
    """wav2vec 2.0 whose states see their own 25 ms of sound and a little of both neighbors, nothing farther away."""
    torch.manual_seed(0)
    config = build_audio_encoder(tiny_config().audio_encoder).config
    config.feat_extract_norm = "layer"
    encoder = Wav2Vec2Model(config).eval()
    for layer in encoder.encoder.layers:
        torch.nn.init.zeros_(layer.attention.out_proj.weight)
    encoder.encoder.pos_conv_embed = Neighbors()
    return encoder


def features(encoder, samples, fps=Fraction(25), normalize=True):
    track = AudioTrack.open((samples, RATE))
    extractor = Wav2Vec2FeatureExtractor(do_normalize=normalize)
    return AudioFeatures(track, encoder, extractor, fps, track.num_frames(fps))


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), Fraction(2997, 100), Fraction(30000, 1001), Fraction(30)])
@pytest.mark.parametrize("seconds", [0.1, 7.9, 8.1, 60.0, 599.3])
@torch.no_grad()
def test_an_impulse_peaks_on_the_frame_it_falls_in(local_encoder, fps, seconds):
    """Also at chunk borders (8 s) and after ten minutes; a neighbor only within 10 ms of the border between them."""
    silence = noise(math.ceil(seconds + 2))[0] * 0.01
    for offset in (0.0, 0.013, 0.027):
        time = seconds + offset
        impulse = silence.copy()
        impulse[round(time * RATE)] = 0.5
        expected = math.floor(time * fps)
        start = max(0, expected - 20)
        with_impulse, without = (
            features(local_encoder, samples, fps, normalize=False).windows(start, expected + 20, 0)
            for samples in (impulse, silence)
        )
        peak = start + int((with_impulse - without).abs().sum((0, 2, 3, 4)).argmax())
        border = min(time - expected / fps, (expected + 1) / fps - time)
        near = 1 if border <= 0.010 else 0
        assert abs(peak - expected) <= near, f"impulse at {time} s: peak on frame {peak}, not {expected}"


@torch.no_grad()
def test_frame_features_do_not_depend_on_where_a_clip_begins(encoder):
    samples, _ = noise(20)
    whole = features(encoder, samples).windows(0, 500, 2)
    pieces = features(encoder, samples)
    for start in (0, 7, 187, 188, 195, 199, 200, 201, 396, 488):
        torch.testing.assert_close(pieces.windows(start, start + 12, 2), whole[:, start : start + 12])


@torch.no_grad()
def test_windows_reach_across_clips_and_repeat_the_track_at_its_ends(encoder):
    windows = features(encoder, noise(1.0)[0]).windows(0, 30, 2)
    assert windows.shape == (1, 30, 5, 2, 32)  # 25 frames, then the padding of a last clip
    for frame in range(30):
        for k, neighbor in enumerate(range(frame - 2, frame + 3)):
            torch.testing.assert_close(windows[0, frame, k], windows[0, min(max(neighbor, 0), 24), 2])


@torch.no_grad()
def test_features_are_the_encoders_states_interpolated_at_frame_centers(encoder):
    """Independent computation for a recording of one chunk."""
    samples, _ = noise(2.0)
    normal = torch.from_numpy((samples - samples.mean()) / np.sqrt(samples.var() + 1e-7))
    states = torch.stack(encoder(normal[None], output_hidden_states=True).hidden_states[1:], dim=2)[0]
    got = features(encoder, samples).windows(0, 50, 0)[0, :, 0]
    for frame in range(50):
        place = ((frame + 0.5) / 25 - 0.0125) / 0.02
        low = min(int(place), len(states) - 1)
        high = min(low + 1, len(states) - 1)
        torch.testing.assert_close(
            got[frame], states[low] + (place - low) * (states[high] - states[low]), rtol=1e-3, atol=1e-4
        )


@torch.no_grad()
def test_normalized_by_the_statistics_of_the_whole_file(encoder):
    """A loud second half changes the first half's features only through those statistics, not when they are off."""
    quiet, loud = noise(20)[0], noise(20)[0]
    loud[10 * RATE :] *= 10
    for normalize, same in ((True, False), (False, True)):
        first, second = (
            features(encoder, samples, normalize=normalize).windows(0, 12, 2) for samples in (quiet, loud)
        )
        assert torch.allclose(first, second) == same


@torch.no_grad()
def test_only_a_few_chunks_are_kept(encoder):
    track = features(encoder, noise(60)[0])
    for start in range(0, 1500, 12):
        track.windows(start, start + 12, 2)
        assert len(track._chunks) <= 2


@torch.no_grad()
@pytest.mark.parametrize("samples", [1, 300, 401, 8 * RATE, 8 * RATE + 1])
def test_very_short_recordings_and_whole_chunks(encoder, samples):
    track = features(encoder, noise(9)[0][:samples], fps=Fraction(25))
    windows = track.windows(0, math.ceil(samples * 25 / RATE), 2)
    assert windows.shape[1] == math.ceil(samples * 25 / RATE)
    assert torch.isfinite(windows).all()
