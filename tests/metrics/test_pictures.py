import json
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from emo.errors import EmoError
from emo.metrics.extractors import open_extractor
from emo.metrics.pictures import compare_frames, perceptual_distance, psnr


class Perceptual(torch.nn.Module):
    """The pictures' own values and their local means: enough of LPIPS to follow it by hand."""

    def forward(self, x):
        return torch.cat([x.flatten(1), torch.nn.functional.avg_pool2d(x, 4).flatten(1)], 1) / 255


@pytest.fixture(scope="module")
def lpips(tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "perceptual.pt"
    torch.jit.trace(Perceptual(), torch.zeros(1, 3, 16, 16)).save(path)
    spec = {"size": None, "color": "RGB", "range": [0, 255], "batch": 2}
    path.with_suffix(".json").write_text(json.dumps(spec))
    return open_extractor("lpips", path)


def frames(count: int, seed: int = 0, side: int = 16) -> np.ndarray:
    """(T, side, side + 4, 3), smooth and noisy by turns."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 4, 5, 3)).repeat(side // 4, 1).repeat((side + 4) // 5 + 1, 2)
    return np.clip(coarse[:, :, : side + 4] + rng.normal(0, 9, (count, side, side + 4, 3)), 0, 255).astype(np.uint8)


def noisy(video: np.ndarray, deviation: float, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, deviation, video.shape)
    return np.clip(video + noise, 0, 255).astype(np.uint8)


def test_psnr_and_ssim_are_those_of_scikit_image():
    true, made = frames(5, side=40), noisy(frames(5, side=40), 12)
    found = compare_frames(made, true)
    options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2)
    expected = [structural_similarity(*pair, **options) for pair in zip(made, true, strict=True)]
    assert found.ssim == pytest.approx(expected, abs=1e-5)
    assert found.psnr == pytest.approx(peak_signal_noise_ratio(true, made, data_range=255), rel=1e-12)
    assert len(found) == 5
    assert found.lpips is None


def test_psnr_and_ssim_are_those_of_torchmetrics():
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    true, made = frames(3, side=32), noisy(frames(3, side=32), 20)
    found = compare_frames(made, true)
    tensors = [torch.from_numpy(video).movedim(-1, 1).double() for video in (made, true)]
    _, full = structural_similarity_index_measure(*tensors, data_range=255.0, return_full_image=True)
    assert found.ssim == pytest.approx(full[..., 5:-5, 5:-5].mean((1, 2, 3)).numpy(), abs=1e-5)
    assert found.psnr == pytest.approx(float(peak_signal_noise_ratio(*tensors, data_range=255.0)), rel=1e-6)
    for index in range(3):
        each = peak_signal_noise_ratio(*(t[index] for t in tensors), data_range=255.0)
        assert psnr(found.squared_error[index : index + 1]) == pytest.approx(float(each), rel=1e-6)


def test_equal_frames_score_perfectly(lpips):
    true = frames(3)
    found = compare_frames(true, true.copy(), lpips=lpips)
    assert found.psnr == np.inf
    assert found.ssim.tolist() == [1, 1, 1]
    assert found.lpips.tolist() == [0, 0, 0]


def test_a_clip_that_is_equal_in_part_has_a_finite_psnr():
    true = frames(4)
    made = true.copy()
    made[1:] = np.where(true[1:] < 255, true[1:] + 1, 254)
    assert compare_frames(made, true).psnr == pytest.approx(10 * np.log10(255**2 / 0.75))
    assert psnr(np.zeros(3)) == np.inf
    assert psnr([0, 255**2 * 2]) == pytest.approx(0, abs=1e-12)


def test_every_measure_falls_with_noise(lpips):
    true = frames(3, side=32)
    ladder = [compare_frames(noisy(true, deviation), true, lpips=lpips) for deviation in (2, 5, 10, 20, 40)]
    assert np.all(np.diff([rung.psnr for rung in ladder]) < 0)
    assert np.all(np.diff([rung.ssim.mean() for rung in ladder]) < 0)
    assert np.all(np.diff([rung.lpips.mean() for rung in ladder]) > 0)


def test_lpips_is_the_squared_distance_of_the_features(lpips):
    true, made = frames(5), noisy(frames(5), 15)
    one, other = (Perceptual()(torch.from_numpy(v).movedim(-1, 1).float()).numpy() for v in (true, made))
    expected = ((one - other) ** 2).sum(1)
    assert perceptual_distance(true, made, lpips) == pytest.approx(expected, rel=1e-5)
    assert compare_frames(made, true, lpips=lpips).lpips == pytest.approx(expected, rel=1e-5)
    assert perceptual_distance(true, true[::-1], lpips).shape == (5,)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7))
def test_chunks_change_nothing(lpips, one, other):
    true, made = frames(7), noisy(frames(7), 15)
    whole = compare_frames(made, true, lpips=lpips)
    chunks = lambda video, size: (video[i : i + size] for i in range(0, 7, size))
    found = compare_frames(chunks(made, one), chunks(true, other), lpips=lpips)
    for name in ("squared_error", "ssim", "lpips"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    assert found.psnr == whole.psnr


def test_few_frames_are_alive_at_a_time(lpips):
    alive, most = weakref.WeakSet(), 0

    class Frame(np.ndarray):
        __hash__ = object.__hash__

    def stream(seed):
        nonlocal most
        for index in range(12):
            frame = frames(1, seed + index)[0].view(Frame)
            alive.add(frame)
            most = max(most, len(alive))
            yield frame

    compare_frames(stream(0), stream(20), lpips=lpips)
    assert most <= 2 * (lpips.batch + 2)


def test_bad_input_is_refused():
    with pytest.raises(EmoError, match="no frames"):
        compare_frames(iter(()), iter(()))
    with pytest.raises(EmoError, match=r"generated video ends after 2 frames.*cut both"):
        compare_frames(frames(2), frames(3))
    with pytest.raises(EmoError, match="reference video ends after 2 frames"):
        compare_frames(frames(3), frames(2))
    with pytest.raises(EmoError, match=r"20 x 16 px .* 36 x 32: scale one"):
        compare_frames(frames(1), frames(1, side=32))
    with pytest.raises(EmoError, match="uint8"):
        compare_frames(frames(1) / 255, frames(1))
    with pytest.raises(EmoError, match="11 px or more"):
        compare_frames(frames(1)[:, :10], frames(1)[:, :10])
    with pytest.raises(EmoError, match="one per frame"):
        psnr([])
    with pytest.raises(EmoError, match="finite"):
        psnr([np.nan])
