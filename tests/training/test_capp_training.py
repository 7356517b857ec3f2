"""CAPP learns which sound a head's motion belongs to; its samples and figures are what they say."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from made_clips import made_labels
from tiny import tiny_config
from transformers import Wav2Vec2FeatureExtractor

from emo.data import ClipInfo
from emo.data.format import save_labels, write_metadata
from emo.errors import ConfigError, DatasetError
from emo.hub import build_audio_encoder
from emo.metrics.capp import CAPP, MEL_DIM
from emo.training.capp import CAPPStage, CAPPTrainingConfig
from emo.training.capp.figures import figures
from emo.training.capp.samples import CAPPBatch, CAPPSampler, clip_sound
from emo.training.clips import clip_angles
from emo.training.loop import make_accelerator, train
from emo.training.script import load_settings

N, FRAMES = 16, 40


def write_track(root: Path, name: str, split: str, seed: int, fps: float = 25.0) -> None:
    """Sound whose loudness jumps, and a head that nods with it."""
    rng = np.random.default_rng(seed)
    loud = rng.random(FRAMES)
    (root / split).mkdir(parents=True, exist_ok=True)
    with wave.open(str(root / split / f"{name}.wav"), "wb") as file:
        file.setparams((1, 2, 16000, FRAMES * 640, "NONE", ""))
        file.writeframes((rng.normal(0, 3000, FRAMES * 640) * np.repeat(loud, 640)).astype("<i2").tobytes())
    labels = made_labels(FRAMES, 64, 64) | {"yaw": rng.normal(0, 0.1, FRAMES), "roll": np.zeros(FRAMES), "pitch": loud}
    info = ClipInfo(f"{name}.wav", f"{name}.safetensors", name, split, fps, FRAMES, 64, 64, True, 0.0, "avatar")
    save_labels(root / split / f"{name}.safetensors", labels, info)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("capp")
    for number in range(6):
        write_track(root / "tracks", f"{number:06d}", "train", number)
        write_track(root / "tracks", f"{number + 6:06d}", "test", number + 6)
    write_metadata(root / "tracks")
    return root


def options(folder: Path, *more: str) -> list[str]:
    return [
        f"data.root={folder / 'tracks'}",
        *("data.batch_size=6", f"model.frames={N}", "model.dim=16", "model.pose_layers=1", "model.audio_layers=1"),
        *("model.heads=2", "train.output=unused", "train.steps=2", "train.tensorboard=false"),
        *("train.optimizer.learning_rate=1e-3", *more),
    ]


def make_stage(folder: Path, *more: str) -> CAPPStage:
    config, _ = load_settings(CAPPTrainingConfig, options(folder, *more))
    return CAPPStage(config, make_accelerator(config.train))


@pytest.fixture(scope="module")
def stage(folder) -> CAPPStage:
    return make_stage(folder)


def batch(stage: CAPPStage, start: int = 0) -> CAPPBatch:
    return next(iter(stage.loader(start, 1, 0)))


def test_training_twice_gives_the_same_network_and_its_figures(folder, tmp_path):
    weights = []
    for name in ("first", "second"):
        given = options(folder, f"train.output={tmp_path / name}", "train.validate_every=2", "train.ema_decay=0.9")
        config, resume = load_settings(CAPPTrainingConfig, given)
        accelerator = make_accelerator(config.train)
        assert train(CAPPStage(config, accelerator), config.train, accelerator, resume) == 0
        weights.append(CAPP.from_folder(tmp_path / name / "model").state_dict())
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])
    (shown,) = (tmp_path / "first/validation").iterdir()
    scores = json.loads((shown / "scores.json").read_text())
    assert {"real", "shuffled", "found", "shift -4", "shift +1", "scale 0.2", "scale 3"} <= set(scores)


def test_it_learns_whose_motion_is_whose(folder):
    stage = make_stage(folder, "train.optimizer.learning_rate=5e-3")
    optimizer = torch.optim.AdamW(stage.networks.parameters(), 5e-3)
    losses = []
    for step in range(60):
        loss, scalars = stage.loss(stage.networks, batch(stage, step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert scalars["found"] > 0.6
    reader = stage._reader("test")
    numbers = range(len(reader))
    found = figures(
        stage.networks.eval(), [clip_angles(reader, n) for n in numbers], [clip_sound(reader, n) for n in numbers], N
    )
    assert found["real"] > found["shuffled"] + 0.2
    assert found["real"] > max(found["shift -2"], found["shift +2"]) + 0.1


def test_windows_are_of_one_moment(stage):
    starts = set()
    for number in range(120):
        sample = CAPPSampler(N).sample(stage.reader, 1, number, np.random.default_rng(number))
        start = int(sample.clips[0].split()[-1])
        starts.add(start)
        angles = clip_angles(stage.reader, 1)
        torch.testing.assert_close(sample.changes[0], angles[start : start + N] - angles[start - 1 : start + N - 1])
        assert (sample.sound[0] == clip_sound(stage.reader, 1)[start : start + N]).all()
    assert min(starts) >= 1
    assert max(starts) == FRAMES - N


def test_the_network_has_the_units_of_the_clips(stage):
    sound = torch.cat([clip_sound(stage.reader, number) for number in range(6)])
    torch.testing.assert_close(stage.networks.audio_mean, sound.mean(0))
    changes = torch.cat([clip_angles(stage.reader, number).diff(dim=0) for number in range(6)])
    torch.testing.assert_close(stage.networks.pose_deviation, changes.std(0).clamp(min=1e-3))


def test_the_loss_is_symmetric(stage):
    seen = batch(stage)
    pose, sound, scale = stage.networks(seen.changes, seen.sound)
    logits = scale * pose @ sound.T
    both = [-torch.log_softmax(logits, dim).diagonal().mean() for dim in (0, 1)]
    assert stage.loss(stage.networks, seen)[0].item() == pytest.approx((both[0] + both[1]).item() / 2, rel=1e-4)


class Perfect(torch.nn.Module):
    """Sound that is the head's own pitch."""

    device = torch.device("cpu")

    def pose(self, changes: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(changes[..., 1].sign() * changes[..., 1].abs().clamp(min=0.1), dim=1)

    sound = pose


def test_figures_tell_what_they_say():
    torch.manual_seed(0)
    angles = [torch.randn(40, 3).cumsum(0) for _ in range(5)]
    sounds = [torch.cat([torch.zeros(1, 3), each.diff(dim=0)]) for each in angles]
    found = figures(Perfect(), angles, sounds, N)
    assert found["real"] == pytest.approx(1)
    assert found["found"] == 1
    assert abs(found["shuffled"]) < 0.15
    assert max(abs(found[f"shift {s:+d}"]) for s in (-4, -1, 1, 4)) < 0.6
    assert found["scale 0.2"] < 1
    late = [torch.cat([each[:3], each[:-3]]) for each in angles]  # the motion comes 3 frames too late
    moved = figures(Perfect(), late, sounds, N)
    assert moved["shift -3"] == pytest.approx(1)
    assert moved["real"] == pytest.approx(found["shift +3"])


def test_hidden_states_are_heard_where_there_is_an_encoder(folder, stage):
    torch.manual_seed(0)
    build_audio_encoder(tiny_config().audio_encoder).save_pretrained(folder / "encoder")
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder / "encoder")
    heard = make_stage(folder, f"model.audio_encoder={folder / 'encoder'}")
    assert heard.networks.config["audio_dim"] == 2 * 32
    assert stage.networks.config["audio_dim"] == MEL_DIM
    assert heard.cache != stage.cache


def test_what_cannot_be_learned_from_is_refused_at_once(folder, tmp_path):
    write_track(tmp_path / "slow", "000000", "train", 0, fps=30.0)
    write_metadata(tmp_path / "slow")
    with pytest.raises(ConfigError, match="clips of 30 frames per second; CAPP takes 25"):
        make_stage(folder, f"data.root={tmp_path / 'slow'}")
    with pytest.raises(DatasetError, match="none of 6 clips is usable"):
        make_stage(folder, "model.frames=75")
