"""CAPP's network, and the measure made with it."""

import numpy as np
import pytest
import torch

from emo.errors import EmoError, WeightsError
from emo.metrics.capp import CAPP, HOP, MEL_DIM, capp, mel_frames

N = 12


def network(**options) -> CAPP:
    torch.manual_seed(0)
    return CAPP(**{"audio_dim": 5, "frames": N, "dim": 16, "pose_layers": 2, "audio_layers": 1, "heads": 2, **options})


def test_embeddings_are_directions_and_come_back_from_a_folder(tmp_path):
    made = network().eval()
    made.audio_mean.fill_(0.5)
    changes, sound = torch.randn(3, N, 3), torch.randn(3, N, 5)
    pose, heard, scale = made(changes, sound)
    assert pose.shape == heard.shape == (3, N * 8)
    for each in (pose, heard):
        torch.testing.assert_close(each.norm(dim=1), torch.ones(3))
    assert scale.item() == pytest.approx(1 / 0.07)
    made.save_pretrained(tmp_path / "capp")
    again = CAPP.from_folder(tmp_path / "capp")
    assert all((a == b).all() for a, b in zip((pose, heard), again(changes, sound)[:2], strict=True))
    with pytest.raises(WeightsError, match="no CAPP could be loaded"):
        CAPP.from_folder(tmp_path)


def test_the_temperature_has_an_end():
    made = network()
    with torch.no_grad():
        made.log_scale.fill_(50.0)
    assert made(torch.randn(2, N, 3), torch.randn(2, N, 5))[2].item() == pytest.approx(100)


def test_an_embedding_keeps_the_time():
    """The same nod at another moment is another embedding, moved along."""
    made = network(pose_layers=0).eval()
    nod = torch.zeros(1, N, 3)
    nod[0, 3, 1] = 2.0
    early, late = made.pose(nod).view(N, -1), made.pose(nod.roll(4, 1)).view(N, -1)
    torch.testing.assert_close(late, early.roll(4, 0))
    assert (early * late).sum() < 0.99


def test_the_measure_is_the_mean_over_windows():
    made = network().eval()
    angles, sound = torch.randn(2 * HOP + N + 1, 3), torch.randn(2 * HOP + N + 1, 5)
    changes = angles.diff(dim=0)
    starts = (0, HOP, 2 * HOP)
    with torch.no_grad():
        pose = made.pose(torch.stack([changes[s : s + N] for s in starts]))
        heard = made.sound(torch.stack([sound[s + 1 : s + 1 + N] for s in starts]))
    assert capp(made, angles.numpy(), sound.numpy()) == pytest.approx(float((pose * heard).sum(1).mean()), abs=1e-6)
    with pytest.raises(EmoError, match="12 changes between frames, but there are only 12"):
        capp(made, angles[:N], sound[:N])
    with pytest.raises(EmoError, match=r"sound \(T, 5\)"):
        capp(made, angles, sound[:-1])


def test_a_frame_hears_the_sound_from_its_own_time_on():
    waveform = np.zeros(640 * 20, np.float32)
    waveform[640 * 10 : 640 * 11] = 0.5 * np.sin(np.arange(640))
    frames = mel_frames(waveform, 20)
    assert frames.shape == (20, MEL_DIM)
    energy = frames.reshape(20, 4, -1)[..., -1]
    assert energy.max(1).argmax() == 10
    assert (energy[10] > energy[8].max() + 10).all()
    assert energy[12].max() < -30
