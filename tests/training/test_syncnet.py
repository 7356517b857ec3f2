"""SyncNet's training, on small clips made by hand: what a sample holds, what is learned, and what is saved."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_clips import made_clip, made_dataset, made_labels
from run_log import losses
from safetensors.torch import load_file

from emo.data.format import write_metadata
from emo.errors import ConfigError, DatasetError, WeightsError
from emo.media import AudioTrack, VideoWriter
from emo.metrics.lip_sync import lag_distances
from emo.metrics.syncnet import SyncNet
from emo.training.config import LoopConfig, OptimizerConfig
from emo.training.loop import make_accelerator, train
from emo.training.syncnet import SyncNetStage, SyncNetTrainingConfig
from emo.training.syncnet.config import AugmentConfig, SyncDataConfig, SyncLossConfig, SyncNetworkConfig
from emo.training.syncnet.losses import contrastive_loss, lag_loss
from emo.training.syncnet.samples import SyncBatch, SyncSamples

FRAMES, SIZE = 12, 51
STILL = AugmentConfig(**dict.fromkeys(AugmentConfig.__dataclass_fields__, 0.0))
NETWORK = {"audio_widths": [4, 4, 4, 4, 4, 8], "lip_widths": [4, 4, 4, 4, 4, 8], "embedding": 8, "crop_size": SIZE}


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("people")
    still = made_labels(1, 64, 64)
    labels = {name: value.repeat(FRAMES, 0) for name, value in still.items()}
    made_dataset(root, *[labels] * 3, {"frames": 8}, {"sound": False}, *[labels | {"split": "test"}] * 2)
    return root


def make(people: Path, output: Path = Path("unused"), steps: int = 4, augment=None, init=None, **loss):
    config = SyncNetTrainingConfig(
        data=SyncDataConfig(root=str(people), frames=FRAMES, batch_size=2, workers=0),
        model=SyncNetworkConfig(**NETWORK, region="mouth", zero_ends=False, init=init),
        augment=augment or AugmentConfig(),
        loss=SyncLossConfig(**loss),
        train=LoopConfig(
            output=str(output),
            steps=steps,
            log_every=1,
            tensorboard=False,
            optimizer=OptimizerConfig(learning_rate=5e-3),
        ),
    )
    return SyncNetStage(config, SimpleNamespace(device=torch.device("cpu"))), config.train


def run(stage: SyncNetStage, config: LoopConfig, resume=None) -> None:
    assert train(stage, config, make_accelerator(config), resume) == 0


def samples(root: Path, augment: AugmentConfig | None, frames: int = FRAMES, seed: int = 0) -> SyncSamples:
    return SyncSamples(root, "train", seed, frames=frames, size=SIZE, region="face", augment=augment)


@pytest.mark.parametrize("kind", ["lags", "pairs"])
def test_it_learns_the_moments_of_clips(kind, people, tmp_path):
    torch.manual_seed(0)
    stage, config = make(people, tmp_path, steps=24, augment=STILL, kind=kind)
    config.validate_every = 24
    run(stage, config)
    assert sum(losses(tmp_path)[-3:]) < 0.8 * sum(losses(tmp_path)[:3])
    scores = json.loads((tmp_path / "validation" / "step-00000024" / "scores.json").read_text())
    assert scores.keys() == {"accuracy", "confidence", "distance", "clips"}
    assert len(scores["clips"]) == 2

    network = SyncNet.from_pretrained(tmp_path / "model")
    assert dict(network.config)["region"] == "mouth"
    stage.networks.eval()
    batch = stage.samples("test", None)[1]
    with torch.no_grad():
        expected, found = (each(batch.crops, batch.coefficients) for each in (stage.networks, network))
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    sync = lag_distances(found[0][0], found[1][0], 6, zero_ends=False)
    row = scores["clips"][batch.clips[0]]
    assert row == {"offset": sync.offset, "confidence": sync.confidence, "distance": sync.distance}
    assert scores["distance"] == pytest.approx(np.mean([each["distance"] for each in scores["clips"].values()]))


@pytest.mark.parametrize("kind", ["lags", "pairs"])
def test_resumed_equals_straight(kind, people, tmp_path):
    run(*make(people, tmp_path / "straight", kind=kind))
    for _ in range(4):
        stage, config = make(people, tmp_path / "parts", kind=kind)
        config.stop_after_seconds = 1e-9
        run(stage, config, "latest")
    assert losses(tmp_path / "parts") == losses(tmp_path / "straight")
    expected, found = (
        load_file(tmp_path / name / "model" / "diffusion_pytorch_model.safetensors") for name in ("straight", "parts")
    )
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []
    again, _ = make(people, init=str(tmp_path / "straight" / "model"))
    assert all(torch.equal(tensor, expected[name]) for name, tensor in again.networks.state_dict().items())


def flashing(root: Path, frames: int, moment: int, sound: bool = True) -> None:
    """A black clip whose face is white in one frame, in the middle of which there is a click."""
    labels = made_labels(frames, 64, 64) | {"face_box": np.tile(np.float32([16, 16, 48, 48]), (frames, 1))}
    info = made_clip(root, 0, frames, sound=sound, **labels)
    pictures, waveform = np.zeros((frames, 64, 64, 3), np.uint8), np.full(frames * 640, 1e-4, np.float32)
    pictures[moment], waveform[moment * 640 + 320] = 255, 0.9
    with VideoWriter(root / "train" / info.file_name, 25) as writer:
        writer.write(pictures)
        with AudioTrack.open((waveform, 16000)) as track:
            writer.finish(track)
    write_metadata(root)


def test_crops_and_sound_are_of_the_same_moments(tmp_path):
    flashing(tmp_path, 30, 15)
    starts = set()
    for augment in (None, STILL, AugmentConfig(noise_share=0.0)):
        for number in range(1 if augment is None else 6):
            sample = samples(tmp_path, augment, 20)[number]
            start = int(sample.clips[0].split()[-1])
            assert (sample.crops.shape, sample.coefficients.shape) == ((1, 20, SIZE, SIZE, 3), (1, 79, 13))
            center = sample.crops[0, :, 20:30, 20:30].float().mean((1, 2, 3))
            assert int(center.argmax()) == 15 - start
            assert abs(float(sample.coefficients[0, :, 0].argmax()) + 1.25 - 4 * (15.5 - start)) < 1.5  # rows' middles
            starts.add(start)
    assert len(starts) > 3


def test_a_sample_is_the_same_whoever_asks_and_others_differ(people):
    first, again = samples(people, AugmentConfig()), samples(people, AugmentConfig())
    again[5], again[0]
    for name in ("crops", "coefficients"):
        assert torch.equal(getattr(first[3], name), getattr(again[3], name))
        assert not torch.equal(getattr(first[3], name), getattr(samples(people, AugmentConfig(), seed=1)[3], name))
    shown = [{first[g].clips for g in range(3 * r, 3 * r + 3)} for r in range(4)]
    assert all(round_ == shown[0] and len(round_) == 3 for round_ in shown)
    orders = {tuple(first[g].clips for g in range(3 * r, 3 * r + 3)) for r in range(4)}
    assert len(orders) > 1
    batch = SyncBatch.collate([first[4], first[2]])
    assert batch.index.tolist() == [4, 2]
    assert torch.equal(batch.crops[1], first[2].crops[0])


@pytest.mark.parametrize("option", list(AugmentConfig.__dataclass_fields__))
def test_every_option_changes_its_part(option, people):
    sound = option in ("noise_share", "loudness", "warp")
    full = 1.0 if option in ("gray", "mirror", "noise_share") else getattr(AugmentConfig(), option)
    plain, changed = (samples(people, AugmentConfig(**{**STILL.__dict__, option: v})) for v in (0.0, full))
    pairs = [(plain[g], changed[g]) for g in range(3)]
    assert any(not torch.equal(a.crops, b.crops) for a, b in pairs) != sound
    assert any(not torch.equal(a.coefficients, b.coefficients) for a, b in pairs) == sound
    if option == "mirror":
        assert torch.equal(changed[0].crops, plain[0].crops.flip(3))
    if option == "gray":
        assert (changed[0].crops.amax(-1) - changed[0].crops.amin(-1)).max() == 0


def test_the_loss_is_least_where_lips_and_sound_agree():
    embeddings = 9 * torch.randn(2, 10, 16, generator=torch.Generator().manual_seed(0))
    together, scores = lag_loss(embeddings, embeddings)
    assert together < 1e-3
    assert scores["found"] == 1
    apart, scores = lag_loss(embeddings, embeddings.roll(4, 1))
    assert apart > 10
    assert scores["found"] == 0
    near = lag_loss(embeddings, embeddings.roll(1, 1))[1]["found"]
    assert near == pytest.approx(0.9)  # give or take a frame, but for the one that comes round
    nothing, _ = lag_loss(torch.zeros(2, 10, 16), torch.zeros(2, 10, 16))
    assert nothing == pytest.approx(np.log(10))


def test_the_papers_loss_by_hand():
    lips = torch.tensor([[[0.0], [1.0], [5.0]]])
    sounds = torch.tensor([[[1.0], [1.0], [4.0]]])
    loss, parts = contrastive_loss(lips, sounds, [1], SyncLossConfig("pairs", margin=2.0))
    # true: 1, 0, 1; false, with the sounds 4, 1, 1: 4, 0, 4, of which only 0 lacks 2 of the margin
    assert loss == pytest.approx((2 / 3 + 4 / 3) / 2, abs=2e-3)
    assert parts["false"] == pytest.approx(8 / 3, abs=1e-3)


def test_false_pairs_are_drawn_by_sample(people):
    stage, _ = make(people)
    drawn = stage.shifts(list(range(50)), 7)
    assert drawn[3:5] == stage.shifts([3, 4], 7)
    assert set(drawn) == {1, 2, 3, 4, 5, 6}


def test_what_cannot_be_trained_is_an_error(people, tmp_path):
    assert len(samples(people, None).clips) == 3  # the short and the silent one are left out
    with pytest.raises(DatasetError, match="none of 5 clips is usable"):
        samples(people, None, frames=13)
    stage, _ = make(people)
    for part, name, value, message in (
        (stage.config.train, "ema_decay", 0.9, "ema_decay must be 0"),
        (stage.config.model, "lip_widths", [8, 8, 8, 8, 8, 9], "model: audio_widths .* end in the same one"),
    ):
        before = getattr(part, name)
        setattr(part, name, value)
        with pytest.raises(ConfigError, match=message):
            SyncNetStage(stage.config, SimpleNamespace(device=torch.device("cpu")))
        setattr(part, name, before)
    with pytest.raises(WeightsError, match="no SyncNet could be loaded"):
        make(people, init=str(tmp_path))
