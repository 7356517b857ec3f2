"""VASA-1's motion model learns from tracks; samples, loss, figures and files are what they say."""

import json
import math
import shutil
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fitting import losses
from tiny import tiny_config
from transformers import Wav2Vec2FeatureExtractor

from emo.data import ClipInfo
from emo.data.format import FACE_POINTS, save_labels, write_metadata
from emo.data.motion_labels import MotionLabels
from emo.errors import ConfigError, DatasetError
from emo.hub import build_audio_encoder
from emo.motion import CONTROLS, MotionTrack
from emo.motion.vasa import CONDITIONS, HolisticMotionTransformer
from emo.training.clips import clip_audio
from emo.training.loop import make_accelerator, train
from emo.training.script import load_settings
from emo.training.vasa import VASAMotionConfig, VASAMotionStage
from emo.training.vasa.config import MotionLossConfig
from emo.training.vasa.figures import Generated, figures
from emo.training.vasa.loss import motion_loss
from emo.training.vasa.samples import MotionBatch, MotionLabel, WindowSampler, clip_motion

W, K, FRAMES, RATE = 8, 3, 30, 16000
LABELS = MotionLabels(0.5, 0.08, 0.5, 0.5, 0.3, -0.2, 1.1, "angry", 0.8)


def write_track(root: Path, name: str, split: str, seed: int, fps: float = 25.0, motion: MotionLabels | None = LABELS):
    """A second of noise, as loud as the jaw is open."""
    rng = np.random.default_rng(seed)
    jaw = np.abs(np.sin(np.arange(FRAMES) / 3 + seed))
    sound = rng.normal(0, 3000, FRAMES * 640) * np.repeat(jaw, 640)
    (root / split).mkdir(parents=True, exist_ok=True)
    with wave.open(str(root / split / f"{name}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.astype("<i2").tobytes())
    labels = {column: rng.normal(0, 0.1, FRAMES).astype(np.float32) for column in CONTROLS.names}
    labels |= {"jaw": jaw.astype(np.float32), "scale": labels["scale"] + 1, "rotation_speed": np.zeros(FRAMES)}
    labels |= {"face_box": np.zeros((FRAMES, 4)), "points": np.zeros((FRAMES, len(FACE_POINTS), 2))}
    info = ClipInfo(f"{name}.wav", f"{name}.safetensors", name, split, fps, FRAMES, 64, 64, True, 0.0, "avatar", "")
    save_labels(root / split / f"{name}.safetensors", labels, replace(info, motion=motion))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """An audio encoder, and tracks to train on and to measure on."""
    root = tmp_path_factory.mktemp("vasa")
    torch.manual_seed(0)
    build_audio_encoder(tiny_config().audio_encoder).save_pretrained(root / "encoder")
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(root / "encoder")
    for number in range(3):
        write_track(root / "tracks", f"{number:06d}", "train", number)
        write_track(root / "tracks", f"{number + 3:06d}", "test", number + 3)
    write_metadata(root / "tracks")
    return root


def options(folder: Path, *more: str) -> list[str]:
    return [
        f"data.root={folder / 'tracks'}",
        f"model.audio_encoder={folder / 'encoder'}",
        *("data.batch_size=4", f"model.window_length={W}", f"model.prefix_length={K}"),
        *("model.dim=16", "model.layers=2", "model.heads=2", "validation.num_inference_steps=2"),
        *("train.output=unused", "train.steps=2", "train.tensorboard=false", "train.optimizer.learning_rate=1e-3"),
        *more,
    ]


def make_stage(folder: Path, *more: str) -> VASAMotionStage:
    config, _ = load_settings(VASAMotionConfig, options(folder, *more))
    return VASAMotionStage(config, make_accelerator(config.train))


@pytest.fixture(scope="module")
def stage(folder) -> VASAMotionStage:
    return make_stage(folder)


def batch(stage: VASAMotionStage, start: int = 0) -> MotionBatch:
    return next(iter(stage.loader(start, 1, 0)))


def test_training_twice_gives_the_same_network_and_its_figures(folder, tmp_path):
    weights = []
    for name in ("first", "second"):
        given = options(folder, f"train.output={tmp_path / name}", "train.validate_every=2", "train.ema_decay=0.9")
        config, resume = load_settings(VASAMotionConfig, given)
        accelerator = make_accelerator(config.train)
        assert train(VASAMotionStage(config, accelerator), config.train, accelerator, resume) == 0
        network = HolisticMotionTransformer.from_pretrained(tmp_path / name / "model" / "denoiser")
        weights.append(network.state_dict())
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])
    assert (tmp_path / "first/model/scheduler/scheduler_config.json").is_file()
    (shown,) = (tmp_path / "first/validation").iterdir()
    scores = json.loads((shown / "scores.json").read_text())
    assert {"jaw r", "jaw r, another's", "delta p", "border", "gaze error", "deviation mouth"} <= set(scores)
    assert len(MotionTrack.load(shown / "000003.safetensors")) == FRAMES


def test_training_goes_on_from_trained_weights_and_their_units(folder, stage, tmp_path):
    stage.save(tmp_path, stage.networks.state_dict())
    trained = make_stage(folder, f"model.init={tmp_path / 'denoiser'}", "model.dim=32")
    assert all((a == b).all() for a, b in zip(trained.networks.parameters(), stage.networks.parameters(), strict=True))
    assert trained.networks.space == stage.networks.space
    other = HolisticMotionTransformer.from_config(stage.networks.config, fps="30")
    other.save_pretrained(tmp_path / "other")
    with pytest.raises(ConfigError, match=r"of 30 frames per second, the clips of 25"):
        make_stage(folder, f"model.init={tmp_path / 'other'}")
    other = HolisticMotionTransformer.from_config(stage.networks.config, audio_dim=7)
    other.save_pretrained(tmp_path / "other")
    with pytest.raises(ConfigError, match="another audio encoder"):
        make_stage(folder, f"model.init={tmp_path / 'other'}")


def test_a_resumed_training_keeps_its_units_though_clips_have_come(folder, tmp_path):
    tracks = shutil.copytree(folder / "tracks", tmp_path / "tracks")

    def trained(steps: int, *resume: str) -> HolisticMotionTransformer:
        given = options(folder, f"data.root={tracks}", f"train.output={tmp_path / 'run'}", f"train.steps={steps}")
        config, wanted = load_settings(VASAMotionConfig, [*given, *resume])
        accelerator = make_accelerator(config.train)
        stage = VASAMotionStage(config, accelerator)
        assert train(stage, config.train, accelerator, wanted) == 0
        assert stage.networks.config["space"] == stage.networks.space.to_dict()
        return HolisticMotionTransformer.from_pretrained(tmp_path / "run/model/denoiser")

    first = trained(1)
    write_track(tracks, "000009", "train", 9, motion=replace(LABELS, distance=1.4))
    write_metadata(tracks)
    fresh = make_stage(folder, f"data.root={tracks}").networks
    later = trained(2, "--resume", "latest")
    assert later.space == first.space != fresh.space
    assert later.config["distance_mean"] == first.config["distance_mean"] != fresh.config["distance_mean"]


def test_the_network_has_the_units_of_the_clips(stage):
    values = torch.cat([clip_motion(stage.reader, number) for number in range(3)])
    normal = stage.networks.space.normalize(values)
    torch.testing.assert_close(normal.mean(0), torch.zeros(len(CONTROLS)), atol=1e-4, rtol=0)
    torch.testing.assert_close(normal.std(0), torch.ones(len(CONTROLS)), atol=1e-4, rtol=0)
    assert stage.networks.config["distance_mean"] == 1.1
    assert stage.networks.config["audio_dim"] == 2 * 32


def test_loss_falls(folder):
    stage = make_stage(folder)
    seen = batch(stage)
    found = losses(stage, seen, 30, 5e-3)
    assert found[-1] < 0.6 * found[0]


def test_windows_are_pieces_of_their_clips(stage):
    space = stage.networks.space
    windows = WindowSampler(space, W, K, tail=0.0)
    starts = set()
    for number in range(3):
        motion = space.normalize(clip_motion(stage.reader, number))
        audio = clip_audio(stage.reader, number)
        for draw in range(24):
            sample = windows.sample(stage.reader, number, 5, np.random.default_rng((number, draw)))
            start = int(sample.names[0].split()[-1])
            starts.add(start)
            assert sample.frame_mask.all()
            assert (sample.motion[0] == motion[start : start + W]).all()
            assert (sample.audio[0, K:] == audio[start : start + W]).all()
            known = dict(zip(CONDITIONS, sample.have[0].tolist(), strict=True))
            assert known == {**dict.fromkeys(CONDITIONS, True), "previous": start >= K}
            if start >= K:
                assert (sample.previous[0] == motion[start - K : start]).all()
                assert (sample.audio[0, :K] == audio[start - K : start]).all()
            torch.testing.assert_close(sample.gaze, torch.tensor([[0.3, -0.2]]))
            torch.testing.assert_close(sample.emotion, torch.tensor([[0.0, 0.8, 0.0]]))
            torch.testing.assert_close(sample.distance, torch.tensor([[1.1]]))
    assert min(starts) < K
    assert max(starts) == FRAMES - W


def test_tails_are_missing_as_often_as_asked(stage):
    windows = WindowSampler(stage.networks.space, W, K, tail=0.5)
    drawn = [windows.sample(stage.reader, 0, g, np.random.default_rng(g)) for g in range(60)]
    frames = [int(sample.frame_mask.sum()) for sample in drawn]
    assert 20 <= sum(count < W for count in frames) <= 40
    assert set(frames) >= {1, W}
    for sample, count in zip(drawn, frames, strict=True):
        assert (sample.audio[0, K + count :] == 0).all()
        assert sample.frame_mask[0, :count].all()


def test_clips_without_labels_of_their_whole_have_no_conditions(folder, tmp_path, stage):
    write_track(tmp_path / "bare", "000000", "train", 0, motion=None)
    write_metadata(tmp_path / "bare")
    bare = make_stage(folder, f"data.root={tmp_path / 'bare'}")
    known = dict(zip(CONDITIONS, batch(bare).have.all(0).tolist(), strict=True))
    assert {name: known[name] for name in ("audio", "gaze", "distance", "emotion")} == {
        "audio": True,
        **dict.fromkeys(("gaze", "distance", "emotion"), False),
    }
    with torch.no_grad():
        seen = batch(bare)
        loss, _ = bare.loss(bare.networks, seen)
        other, _ = bare.loss(bare.networks, replace(seen, gaze=seen.gaze + 1, emotion=seen.emotion + 1))
    assert loss == other


def test_samples_are_drawn_from_their_numbers(stage):
    first, again, later = batch(stage), batch(stage), batch(stage, 1)
    assert first.names == again.names
    assert (first.motion == again.motion).all()
    assert first.index.tolist() == [0, 1, 2, 3]
    assert later.index.tolist() == [4, 5, 6, 7]


def test_conditions_are_dropped_as_asked(folder, stage):
    seen = batch(stage)
    for name in ("audio", "gaze", "distance", "emotion"):
        always = make_stage(folder, f"drop.{name}=1")
        value = {name: torch.full_like(getattr(seen, name), 7.0)}
        if name == "audio":
            value["audio"][:, :K] = seen.audio[:, :K]
        with torch.no_grad():
            losses = [always.loss(always.networks, each)[0] for each in (seen, replace(seen, **value))]
        assert losses[0] == losses[1]


def test_the_loss_counts_the_frames_that_are_there_and_the_mouth_more(stage):
    seen = batch(stage)
    mask = torch.zeros_like(seen.frame_mask)
    mask[:, :4] = True
    seen = replace(seen, frame_mask=mask)
    mouth = CONTROLS.index("mouth")
    found = seen.motion.clone()
    found[:, 4:] = 9
    alone = torch.zeros(len(seen), dtype=torch.bool)
    assert motion_loss(found, seen, alone, mouth, MotionLossConfig())[0] == 0
    errors = []
    for column in (mouth[0], CONTROLS.index("yaw")[0]):
        found = seen.motion.clone()
        found[:, :4, column] += 1
        loss, parts = motion_loss(found, seen, alone, mouth, MotionLossConfig(mouth_weight=3.0))
        errors.append(loss)
        assert parts["squared_error"] == pytest.approx(1 / len(CONTROLS))
    assert errors[0] == pytest.approx(3 * errors[1])
    even = motion_loss(seen.motion + 1, seen, alone, mouth, MotionLossConfig(velocity_weight=2.0))[0]
    assert even == pytest.approx(1)  # all frames are off alike: no velocity is
    found = seen.motion.clone()
    found[:, 0:4:2] += 1
    uneven = motion_loss(found, seen, alone, mouth, MotionLossConfig(velocity_weight=2.0))[0]
    assert uneven == pytest.approx(0.5 + 2 * 3 / 3)
    early, late = seen.motion.clone(), seen.motion.clone()
    early[:, 0] += 1
    late[:, 3] += 1
    config = MotionLossConfig(border_weight=4.0)
    first, last = (motion_loss(each, seen, ~alone, mouth, config)[0] for each in (early, late))
    assert first / last == pytest.approx(5 / (1 + 4 * math.exp(-3 / 5)))
    assert motion_loss(early, seen, alone, mouth, config)[0] == pytest.approx(float(first) / 5)


def test_clips_of_several_rates_or_without_motion_are_refused(folder, tmp_path):
    write_track(tmp_path / "mixed", "000000", "train", 0)
    write_track(tmp_path / "mixed", "000001", "train", 1, fps=30.0)
    write_metadata(tmp_path / "mixed")
    with pytest.raises(ConfigError, match="25, 30 frames per second"):
        make_stage(folder, f"data.root={tmp_path / 'mixed'}")
    write_track(tmp_path / "still", "000000", "train", 0)
    path = tmp_path / "still/train/000000.safetensors"
    labels = {"rotation_speed": np.zeros(FRAMES), "face_box": np.zeros((FRAMES, 4))}
    labels |= {"points": np.zeros((FRAMES, len(FACE_POINTS), 2)), "jaw": np.zeros(FRAMES)}
    info = ClipInfo("000000.wav", "000000.safetensors", "x", "train", 25.0, FRAMES, 64, 64, True, 0.0, "video")
    save_labels(path, labels, info)
    write_metadata(tmp_path / "still")
    with pytest.raises(DatasetError, match=r"none of 1 clips is usable .*labeled with yaw, pitch"):
        make_stage(folder, f"data.root={tmp_path / 'still'}")


def test_a_dataset_without_a_split_to_validate_on_is_refused_at_once(folder, tmp_path):
    write_track(tmp_path / "one", "000000", "train", 0)
    write_metadata(tmp_path / "one")
    make_stage(folder, f"data.root={tmp_path / 'one'}")
    with pytest.raises(DatasetError, match=r"test.metadata\.jsonl does not exist"):
        make_stage(folder, f"data.root={tmp_path / 'one'}", "train.validate_every=2")


def test_what_is_not_known_of_a_clip_is_no_condition(folder, tmp_path):
    for number, look in enumerate(((0.1, -0.2), (None, None))):
        write_track(tmp_path / "seen", f"{number:06d}", "train", number, motion=MotionLabels.seen(*look, distance=1.2))
    write_metadata(tmp_path / "seen")
    stage = make_stage(folder, f"data.root={tmp_path / 'seen'}")
    windows = WindowSampler(stage.networks.space, W, K, tail=0.0)
    for number, gaze in enumerate((True, False)):
        sample = windows.sample(stage.reader, number, 0, np.random.default_rng(0))
        known = dict(zip(CONDITIONS, sample.have[0].tolist(), strict=True))
        assert (known["gaze"], known["distance"], known["emotion"]) == (gaze, True, False)
        assert sample.distance.item() == pytest.approx(1.2)


def track(**columns) -> MotionTrack:
    return MotionTrack.rest(40, 25).set(**{name: torch.as_tensor(value).float() for name, value in columns.items()})


def test_figures_tell_what_they_say():
    wave = [np.sin(np.arange(40) / 3 + shift).astype(np.float32) for shift in (0, 1.5)]
    true = [track(jaw=w, yaw=10 * w, gaze_x=0.5, scale=0.8) for w in wave]
    label = MotionLabel((0.5, 0.0), 1.25)
    perfect = [Generated(str(n), motion, motion, label) for n, motion in enumerate(true)]
    found = figures(perfect, 10)
    assert found["jaw r"] == pytest.approx(1)
    assert abs(found["jaw r, another's"]) < 0.3
    assert found["delta p"] == found["delta p, true"] > 0.1
    assert (found["deviation mouth"], found["deviation pose"]) == pytest.approx((1, 1))
    assert found["gaze error"] == pytest.approx(0, abs=1e-6)
    assert found["distance error"] == pytest.approx(0, abs=1e-6)
    worse = [replace(m, made=m.true.scale("jaw", 0.5).set(gaze_x=0.1, gaze_y=0.3, scale=1.0)) for m in perfect]
    found = figures(worse, 10)
    assert found["deviation mouth"] == pytest.approx(0.5)
    assert found["gaze error"] == pytest.approx(0.5)
    assert found["distance error"] == pytest.approx(0.25)
    jump = (np.arange(40) // 10 % 2).astype(np.float32)
    broken = [replace(m, made=m.true.offset(jaw=4 * torch.from_numpy(jump))) for m in perfect]
    assert figures(broken, 10)["border"] > 3 * figures(perfect, 10)["border"]
    assert "border" not in figures(perfect, 40)
