"""Lip sync by SyncNet: the published network and evaluation, lags that are known, and what cannot be measured."""

import numpy as np
import pytest
import torch
from random_faces import clip, noise
from threads import one_thread  # noqa: F401 (a fixture)
from torch.nn.functional import pad, pairwise_distance

from emo.errors import EmoError, WeightsError
from emo.metrics.face_crops import face_crops
from emo.metrics.lip_sync import embed_crops, embed_sound, lag_distances, lip_sync
from emo.metrics.mfcc import mfcc
from emo.metrics.syncnet import SyncNet

# Weights of syncnet_v2.model by joonson/syncnet_python's SyncNetModel.py; all but the heads' last layers are followed
# by batch normalization at the next index.
PUBLISHED = {
    "netcnnaud.0": (64, 1, 3, 3),
    "netcnnaud.4": (192, 64, 3, 3),
    "netcnnaud.8": (384, 192, 3, 3),
    "netcnnaud.11": (256, 384, 3, 3),
    "netcnnaud.14": (256, 256, 3, 3),
    "netcnnaud.18": (512, 256, 5, 4),
    "netfcaud.0": (512, 512),
    "netfcaud.3": (1024, 512),
    "netfclip.0": (512, 512),
    "netfclip.3": (1024, 512),
    "netcnnlip.0": (96, 3, 5, 7, 7),
    "netcnnlip.4": (256, 96, 1, 5, 5),
    "netcnnlip.8": (256, 256, 1, 3, 3),
    "netcnnlip.11": (256, 256, 1, 3, 3),
    "netcnnlip.14": (256, 256, 1, 3, 3),
    "netcnnlip.18": (512, 256, 1, 6, 6),
}


def small(**options) -> SyncNet:
    torch.manual_seed(0)
    widths = {"audio_widths": (4, 4, 4, 4, 4, 8), "lip_widths": (4, 4, 4, 4, 4, 8)}
    network = SyncNet(**{**widths, "embedding": 6, "crop_size": 52, "zero_ends": False, **options})
    for module in network.modules():  # as in a trained network: no layer is silent, or at its start
        if hasattr(module, "running_mean"):
            module.momentum = 1.0
    side = network.config.crop_size
    with torch.no_grad():
        network(torch.randint(256, (2, 9, side, side, 3)), torch.from_numpy(mfcc(noise(9 * 640)))[None])
    return network.eval()


def clocked(n: int = 60, dimensions: int = 8) -> torch.Tensor:
    return torch.randn(n, dimensions, generator=torch.Generator().manual_seed(0))


def delayed(embeddings: torch.Tensor, lag: int) -> torch.Tensor:
    """The same, later by so many rows; what comes in is something else."""
    out = torch.randn(embeddings.shape, generator=torch.Generator().manual_seed(1))
    n = len(out)
    out[max(lag, 0) : n + min(lag, 0)] = embeddings[max(-lag, 0) : n - max(lag, 0)]
    return out


def test_the_default_is_the_published_network(tmp_path):
    network = SyncNet()
    expected = {}
    for name, shape in PUBLISHED.items():
        expected |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
        if not name.endswith("fcaud.3") and not name.endswith("fclip.3"):
            stem, number = name.split(".")
            norm = f"{stem}.{int(number) + 1}"
            expected |= {f"{norm}.{key}": shape[:1] for key in ("weight", "bias", "running_mean", "running_var")}
            expected[f"{norm}.num_batches_tracked"] = ()
    weights = network.state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in weights.items()} == expected
    with torch.no_grad():
        lips, sounds = network.eval()(torch.zeros(1, 6, 224, 224, 3, dtype=torch.uint8), torch.zeros(1, 24, 13))
    assert lips.shape == sounds.shape == (1, 2, 1024)

    path = tmp_path / "syncnet_v2.model"
    torch.save(weights, path)
    loaded = SyncNet.from_published(path)
    assert not loaded.training
    assert all(torch.equal(tensor, weights[name]) for name, tensor in loaded.state_dict().items())


def test_only_the_published_weights_are_taken_for_them(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        SyncNet.from_published(tmp_path / "none.model")
    torch.save(small().state_dict(), tmp_path / "small.model")
    with pytest.raises(WeightsError, match="not the weights of SyncNet v2"):
        SyncNet.from_published(tmp_path / "small.model")
    (tmp_path / "text.model").write_text("weights")
    torch.save({"run": pytest.fail}, tmp_path / "code.model")  # would be called, or imported, by an unsafe loader
    torch.save([1, 2], tmp_path / "list.model")
    for name in ("text", "code"):
        with pytest.raises(WeightsError, match="not a file of PyTorch tensors"):
            SyncNet.from_published(tmp_path / f"{name}.model")
    with pytest.raises(WeightsError, match="not the weights"):
        SyncNet.from_published(tmp_path / "list.model")


def test_networks_that_cannot_be_are_errors():
    with pytest.raises(EmoError, match="crop_size 50"):
        small(crop_size=50)
    assert small(crop_size=51).netcnnlip[18].weight.shape[-1] == 1
    with pytest.raises(EmoError, match="region 'lips'"):
        small(region="lips")
    with pytest.raises(EmoError, match="end in the same"):
        small(lip_widths=(4, 4, 4, 4, 4, 6))
    with pytest.raises(EmoError, match="6 numbers"):
        small(audio_widths=(4, 8))


def test_every_embedding_is_of_its_own_five_frames():
    network = small()
    crops = torch.from_numpy(clip(9, 52 // 8 * 8 + 8)[0][:, :52, :52].copy())[None]
    coefficients = torch.from_numpy(mfcc(noise(640 * 9)))[None]
    with torch.no_grad():
        lips, sounds = network.lip(crops), network.sound(coefficients)
        assert (lips.shape, sounds.shape) == ((1, 5, 6), (1, 4, 6))
        assert min(lips.std(1).min(), sounds.std(1).min()) > 0.01
        for i in range(5):
            torch.testing.assert_close(network.lip(crops[:, i : i + 5])[:, 0], lips[:, i], rtol=1e-4, atol=1e-5)
        for i in range(4):
            window = coefficients[:, 4 * i : 4 * i + 20]
            torch.testing.assert_close(network.sound(window)[:, 0], sounds[:, i], rtol=1e-4, atol=1e-5)
            # As syncnet_python feeds them: (B, 1, 13, 20).
            bare = network.netfcaud(network.netcnnaud(window.transpose(1, 2)[:, None]).flatten(1))
            torch.testing.assert_close(bare, sounds[:, i], rtol=1e-4, atol=1e-5)
        pictures = crops[:, :5].flip(-1).permute(0, 4, 1, 2, 3).float()  # BGR, (B, 3, 5, S, S), 0 to 255
        bare = network.netfclip(network.netcnnlip(pictures).flatten(1))
        torch.testing.assert_close(bare, lips[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("zero_ends", [True, False])
@pytest.mark.parametrize("lag", [-15, -3, 0, 1, 8])
def test_lags_are_found_in_both_directions(lag, zero_ends):
    sounds = clocked()
    sync = lag_distances(delayed(sounds, lag), sounds, zero_ends=zero_ends)  # the mouth is late by `lag`
    assert sync.offset == lag
    assert sync.distances[15 + lag] == sync.distance == sync.distances.min()
    assert sync.lags[15 + lag] == lag
    assert sync.confidence == pytest.approx(np.median(sync.distances) - sync.distance)
    assert sync.distance_unshifted == sync.distances[15]
    assert sync.confidence_unshifted == pytest.approx(sync.confidence if lag == 0 else 0, abs=0.5)
    if not zero_ends:
        assert sync.distance == 0


def test_the_figures_are_those_of_the_published_evaluation():
    """calc_pdist and what follows it in Wav2Lip's and syncnet_python's evaluation."""
    sounds = clocked(40)
    lips, shift = delayed(sounds, 3) + 0.1 * clocked(40), 15
    padded = pad(sounds, (0, 0, shift, shift))
    window = 2 * shift + 1
    rows = [pairwise_distance(lips[[i]].repeat(window, 1), padded[i : i + window]) for i in range(40)]
    mean = torch.stack(rows, 1).mean(1)
    least, place = mean.min(0)
    sync = lag_distances(lips, sounds)
    assert sync.distance == pytest.approx(float(least), abs=1e-4)
    assert sync.confidence == pytest.approx(float(mean.median() - least), abs=1e-4)
    assert sync.offset == shift - int(place) == 3
    np.testing.assert_allclose(sync.distances, mean.flip(0).numpy(), atol=1e-4)


def test_without_ends_only_frames_that_both_have_count():
    lips, sounds = clocked(6, 1), 3 + clocked(6, 1)
    sync = lag_distances(lips, sounds, 2, zero_ends=False)
    assert sync.distances[0] == pytest.approx(float((lips[:4] - sounds[2:]).abs().mean()))  # the mouth is early by 2
    assert sync.distances[4] == pytest.approx(float((lips[2:] - sounds[:4]).abs().mean()))


def test_batches_change_nothing_and_bound_what_is_held(monkeypatch):
    frames, landmarks = clip(30)
    waveform, network, seen = noise(30 * 640), small(), []
    lip = SyncNet.lip
    monkeypatch.setattr(SyncNet, "lip", lambda self, crops: seen.append(crops.shape[1]) or lip(self, crops))
    results = [lip_sync(network, iter(frames), landmarks, waveform, batch_size=size) for size in (1, 7, 32)]
    assert max(seen[:26]) == 5  # one more than is kept of the batch before
    assert max(seen[26:31]) == 11
    for result in results[1:]:
        np.testing.assert_allclose(result.distances, results[0].distances, rtol=1e-4)
        assert result.offset == results[0].offset


@pytest.mark.parametrize("zero_ends", [True, False])
@pytest.mark.parametrize("region", ["face", "mouth"])
def test_it_is_what_its_parts_make_of_it(region, zero_ends):
    network = small(region=region, zero_ends=zero_ends)
    frames, landmarks = clip(40)
    waveform = noise(40 * 640 + 500)
    lips = embed_crops(network, face_crops(frames, landmarks, 52, region))
    sounds = embed_sound(network, waveform)
    assert len(lips) == 36
    expected = lag_distances(lips[:35], sounds[:35], 9, zero_ends=zero_ends)
    found = lip_sync(network, frames, landmarks, waveform, max_lag=9)
    np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-5)


def test_what_cannot_be_measured_is_an_error():
    network, (frames, landmarks) = small(), clip(30)
    with pytest.raises(EmoError, match=r"fill 40.0 frames at 25 per second, but the face has 30"):
        lip_sync(network, frames, landmarks, noise(40 * 640))
    with pytest.raises(EmoError, match=r"30 frames, .* has 29"):
        lip_sync(network, frames[:29], landmarks, noise(30 * 640))
    with pytest.raises(EmoError, match=r"20 frames .* too few for lags of -15 to 15: give at least 21"):
        lip_sync(network, frames[:20], landmarks[:20], noise(20 * 640))
    assert len(lip_sync(network, frames[:21], landmarks[:21], noise(21 * 640)).distances) == 31
    with pytest.raises(EmoError, match="landmarks must be"):
        lip_sync(network, frames, landmarks[:, :68], noise(30 * 640))
    with pytest.raises(EmoError, match="the waveform must be"):
        lip_sync(network, frames, landmarks, np.full(30 * 640, np.nan))
    with pytest.raises(EmoError, match="frames must be uint8"):
        lip_sync(network, frames / 255, landmarks, noise(30 * 640))
    with pytest.raises(EmoError, match=r"crops must be \(n, \*\(52, 52, 3\)\)"):
        embed_crops(network, [np.zeros((8, 60, 60, 3), np.uint8)])
    with pytest.raises(EmoError, match="5 frames at once, but there are only 3"):
        embed_crops(network, [np.zeros((3, 52, 52, 3), np.uint8)])
    with pytest.raises(EmoError, match="200 ms at once"):
        embed_sound(network, noise(3000))
    for lips, sounds in ((clocked(15), clocked(15)), (clocked(20), clocked(21)), (clocked(20)[0], clocked(20)[0])):
        with pytest.raises(EmoError, match="n > 15"):
            lag_distances(lips, sounds)


def test_a_small_network_is_saved_with_all_that_measuring_needs(tmp_path):
    network = small(region="mouth")
    network.save_pretrained(tmp_path)
    loaded = SyncNet.from_pretrained(tmp_path)
    assert not loaded.training
    assert (loaded.config.region, loaded.config.crop_size, loaded.config.zero_ends) == ("mouth", 52, False)
    assert [n for n, t in network.state_dict().items() if not torch.equal(loaded.state_dict()[n], t)] == []
