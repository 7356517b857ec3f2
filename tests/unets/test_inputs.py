"""The small networks before the backbone: audio tokens, face mask, speeds, and the windows they are cut from."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_unets import assert_close, distance, fill_zero_init, randn

from emo.generation.windows import cut_windows
from emo.unets import AudioProjection, FaceLocator, SpeedEncoder


def small_speed_encoder(**config) -> SpeedEncoder:
    torch.manual_seed(0)
    return SpeedEncoder(**{"speed_dim": 10, **config}).requires_grad_(False)


def small_audio_projection() -> AudioProjection:
    torch.manual_seed(0)
    sizes = {"num_neighbors": 2, "num_layers": 3, "layer_dim": 4, "hidden_dim": 17, "num_tokens": 5, "token_dim": 6}
    return AudioProjection(**sizes).requires_grad_(False)


def small_face_locator(fill: bool = True) -> FaceLocator:
    torch.manual_seed(0)
    model = FaceLocator(block_out_channels=(4, 6, 8, 10), out_channels=12).requires_grad_(False)
    return fill_zero_init(model) if fill else model


# SpeedEncoder (3.2.5)


def test_speed_buckets_by_the_equation_written_out():
    speeds = [0.0, 0.1, 0.3, 1.0, 1.17, 2.0, 3.5]
    expected = [[math.tanh((w - i * 0.25) / 0.125 * 3) for i in range(9)] for w in speeds]
    assert_close(small_speed_encoder().buckets(torch.tensor(speeds)), torch.tensor(expected), 2e-6)


@pytest.mark.parametrize(
    ("speed", "bucket", "value"),
    [
        (0.05, 0, 0.8336546),  # tanh(1.2)
        (0.125, 0, 0.9950548),  # tanh(3): one radius above the center
        (0.125, 1, -0.9950548),
        (1.0, 4, 0.0),
        (1.025, 4, 0.5370496),  # tanh(0.6)
        (1.975, 8, -0.5370496),
    ],
)
def test_speed_bucket_values(speed, bucket, value):
    buckets = small_speed_encoder().buckets(torch.tensor([[speed]]))
    assert buckets.shape == (1, 1, 9)
    assert buckets[0, 0, bucket].item() == pytest.approx(value, abs=1e-5)


def test_speed_centers():
    """Each center's own bucket is zero there and nowhere else on the grid."""
    centers = torch.tensor([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2])
    assert torch.equal(small_speed_encoder().buckets(centers) == 0, torch.eye(9, dtype=torch.bool))


@pytest.mark.parametrize("m", [0, 2])
def test_speed_features_have_one_row_per_frame_and_see_all_neighbors(m):
    encoder = small_speed_encoder(num_neighbors=m)
    windows = randn(2, 3, 2 * m + 1, seed=1).sigmoid() * 2
    before = encoder(windows)
    assert before.shape == (2, 3, 10)
    for k in range(2 * m + 1):
        changed = windows.clone()
        changed[1, 2, k] += 0.05
        rows = (encoder(changed) - before).abs().amax(-1) > 1e-6
        assert rows.nonzero().tolist() == [[1, 2]], k


def test_speed_encoder_default_is_the_papers():
    assert SpeedEncoder()(torch.zeros(1, 12, 5)).shape == (1, 12, 256)


def test_speed_encoder_in_bf16():
    """The buckets stay exact for fp32 speeds: rounding 1.99 to bf16 alone would move one by 0.06."""
    encoder, half = small_speed_encoder(), small_speed_encoder().to(torch.bfloat16)
    windows = torch.tensor([[[0.0, 0.25, 0.51, 1.03, 1.77], [2.0, 0.11, 0.37, 0.06, 1.99]]])
    assert_close(half.buckets(windows), encoder.buckets(windows), 1e-6)
    output = half(windows)
    assert output.dtype == torch.bfloat16
    assert_close(output.float(), encoder(windows), 0.02)
    assert half(windows.to(torch.bfloat16)).dtype == torch.bfloat16


def test_small_networks_survive_saving(tmp_path):
    windows = randn(1, 2, 5, seed=1).abs()
    cases = [
        (small_speed_encoder(num_buckets=5, max_speed=3.0), windows),
        (small_audio_projection(), randn(1, 2, 5, 3, 4, seed=2)),
        (small_face_locator(), randn(1, 1, 16, 24, seed=3)),
    ]
    for model, value in cases:
        folder = tmp_path / type(model).__name__
        model.save_pretrained(folder)
        assert (folder / "diffusion_pytorch_model.safetensors").is_file()
        assert_close(type(model).from_pretrained(folder)(value), model(value), 1e-6)
        half = type(model).from_pretrained(folder, dtype=torch.bfloat16)
        output = half(value.to(torch.bfloat16))
        assert output.dtype == torch.bfloat16
        assert distance(output.float(), model(value)) < 0.1


# AudioProjection (3.2.2)


def test_audio_tokens_shapes():
    assert small_audio_projection()(randn(2, 3, 5, 3, 4, seed=1)).shape == (2, 3, 5, 6)
    with torch.device("meta"):
        assert AudioProjection()(torch.empty(1, 12, 5, 12, 768)).shape == (1, 12, 32, 768)


def test_audio_tokens_see_every_neighbor_and_block_of_their_frame_alone():
    model, windows = small_audio_projection(), randn(2, 3, 5, 3, 4, seed=1)
    before = model(windows)
    for neighbor in range(5):
        for block in range(3):
            changed = windows.clone()
            changed[1, 2, neighbor, block] += 1
            frames = (model(changed) - before).abs().amax((-2, -1)) > 1e-6
            assert frames.nonzero().tolist() == [[1, 2]], (neighbor, block)


def test_audio_tokens_equal_the_mlp_written_out():
    """Concatenation in the order neighbor, block, width; token i is row block i of the last layer."""
    model, windows = small_audio_projection(), randn(2, 3, 5, 3, 4, seed=1)
    x = torch.cat([windows[:, :, k, layer] for k in range(5) for layer in range(3)], dim=-1)
    for linear in (model.linear_1, model.linear_2):
        x = (x @ linear.weight.T + linear.bias).clamp(min=0)
    output = model(windows)
    for token in range(5):
        rows = slice(6 * token, 6 * token + 6)
        y = x @ model.linear_3.weight[rows].T + model.linear_3.bias[rows]
        y = (y - y.mean(-1, keepdim=True)) / (y.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        assert_close(output[:, :, token], y * model.norm.weight + model.norm.bias)


# FaceLocator (3.2.5)


def test_face_locator_starts_at_zero_and_learns():
    model = small_face_locator(fill=False).requires_grad_(True)
    output = model(torch.ones(1, 1, 16, 24))
    assert output.shape == (1, 12, 2, 3)
    assert not output.any()
    output.sum().backward()
    assert model.conv_out.weight.grad.any()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 56), (8, 16)])
def test_face_locator_output_has_the_latents_size(height, width):
    assert small_face_locator()(torch.zeros(2, 1, height, width)).shape == (2, 12, height // 8, width // 8)


def test_face_locator_response_moves_with_the_mask():
    model = small_face_locator()
    mask = torch.zeros(1, 1, 128, 192)
    mask[:, :, 48:64, 64:80] = 1
    background = model(torch.zeros_like(mask))
    response = lambda m: (model(m) - background).abs().sum((0, 1))
    here, there = response(mask), response(mask.roll((16, 40), dims=(2, 3)))
    assert_close(there, here.roll((2, 5), dims=(0, 1)), 1e-5)
    rows, columns = (here > 1e-6).nonzero().unbind(1)
    assert (rows.min(), columns.min()) >= (3, 5)  # within three latent pixels of the box (6…7, 8…9)
    assert rows.max() <= 10
    assert columns.max() <= 12
    peak = divmod(here.argmax().item(), here.shape[1])
    assert 5 <= peak[0] <= 8
    assert 7 <= peak[1] <= 10


# Windows


def naive_windows(track: list, m: int, start: int, stop: int) -> list:
    last = len(track) - 1
    return [[track[min(max(frame + k, 0), last)] for k in range(-m, m + 1)] for frame in range(start, stop)]


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 9), st.integers(0, 3), st.integers(-4, 14), st.integers(0, 6))
def test_windows_equal_a_naive_loop(length, m, start, frames):
    track = torch.arange(2 * length).reshape(2, length)
    windows = cut_windows(track, m, start, start + frames)
    assert windows.shape == (2, frames, 2 * m + 1)
    for b in range(2):
        assert windows[b].tolist() == naive_windows(track[b].tolist(), m, start, start + frames)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.integers(0, 3), st.integers(1, 6))
def test_clips_windows_are_cut_from_the_whole_track(length, m, frames):
    """Clip by clip gives the windows of the whole track, neighbors across clip borders included."""
    track = torch.randn(1, length, 2, 3)
    clips = [cut_windows(track, m, start, min(start + frames, length)) for start in range(0, length, frames)]
    assert torch.equal(torch.cat(clips, dim=1), cut_windows(track, m))
    assert cut_windows(track, m).shape == (1, length, 2 * m + 1, 2, 3)


def test_windows_written_out():
    track = torch.tensor([[10, 11, 12, 13]])
    assert cut_windows(track, 2).tolist() == [
        [[10, 10, 10, 11, 12], [10, 10, 11, 12, 13], [10, 11, 12, 13, 13], [11, 12, 13, 13, 13]]
    ]
    assert cut_windows(track, 1, 3, 6).tolist() == [[[12, 13, 13], [13, 13, 13], [13, 13, 13]]]
    assert cut_windows(track, 0).tolist() == [[[10], [11], [12], [13]]]


def test_windows_pass_gradients_to_the_track():
    track = torch.zeros(1, 3, requires_grad=True)
    cut_windows(track, 1).sum().backward()
    assert track.grad.tolist() == [[3.0, 3.0, 3.0]]
