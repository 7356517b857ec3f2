"""What VASA-1's face model reads motion with learns alone, from labels, and the face model goes on from it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fitting import losses
from made_clips import made_dataset
from test_vasa_codes import SIZES

from emo.config import load_config
from emo.errors import DatasetError
from emo.motion import CONTROLS
from emo.motion.vasa import VolumeAnimator
from emo.training.loop import make_accelerator, train
from emo.training.script import load_settings
from emo.training.vasa_codes import VASACodesConfig, VASACodesStage
from emo.training.vasa_face.config import FaceNetworkConfig
from emo.training.vasa_face.folder import load_face_networks

LEARNING = ("controls.", "face.animator.pose_encoder.", "face.animator.dynamics_encoder.")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("codes") / "clips"
    rng = np.random.default_rng(0)
    controls = {name: rng.normal(0, 0.1, 12).astype(np.float32) for name in CONTROLS.names}
    made_dataset(root, *[{"split": split, "more": controls} for split in ("train", "train", "test")])
    return root


def settings(dataset: Path, *more: str) -> tuple[VASACodesConfig, str | None]:
    sizes = [f"model.{name}={list(size) if isinstance(size, tuple) else size}" for name, size in SIZES.items()]
    loop = ["train.output=unused", "train.steps=2", "train.tensorboard=false", "train.optimizer.learning_rate=1e-2"]
    data = [f"data.root={dataset}", "data.batch_size=2", "data.frames=5"]
    return load_settings(VASACodesConfig, [*data, *sizes, *loop, *more])


def make_stage(dataset: Path, *more: str) -> VASACodesStage:
    config, _ = settings(dataset, *more)
    return VASACodesStage(config, make_accelerator(config.train))


def test_pictures_come_with_the_controls_of_their_labels(dataset):
    stage = make_stage(dataset)
    batch, again = (next(iter(stage.loader(0, 1, 0))) for _ in range(2))
    assert batch.pictures.shape == (2 * 5, 3, 32, 32)
    assert torch.equal(batch.pictures, again.pictures)
    labels = stage.reader.labels(0)
    known = torch.from_numpy(np.stack([labels[name] for name in CONTROLS.names], 1))
    nearest = torch.cdist(batch.controls, known.float()).min(1).values  # all clips have the same labels
    assert nearest.max() < 1e-6
    assert len(batch.controls[:5].unique(dim=0)) == 5


def test_encoders_of_motion_alone_learn(dataset):
    stage = make_stage(dataset)
    before = {name: value.clone() for name, value in stage.networks.state_dict().items()}
    seen = next(iter(stage.loader(0, 1, 0)))
    found = losses(stage, seen, 40, 1e-2)
    assert found[-1] < 0.6 * found[0]
    changed = {name for name, value in stage.networks.state_dict().items() if not torch.equal(value, before[name])}
    learns = {name for name, value in stage.networks.named_parameters() if value.requires_grad}
    assert changed == learns == {name for name in before if name.startswith(LEARNING)}


def test_the_face_model_goes_on_from_it(dataset, tmp_path):
    config, resume = settings(dataset, f"train.output={tmp_path}", "train.validate_every=2", "train.ema_decay=0.5")
    accelerator = make_accelerator(config.train)
    stage = VASACodesStage(config, accelerator)
    assert train(stage, config.train, accelerator, resume) == 0
    scores = json.loads(next((tmp_path / "validation").rglob("scores.json")).read_text())
    assert set(scores) == {*CONTROLS.names, *(f"{name} r" for name in CONTROLS.names)}
    saved = VolumeAnimator.from_pretrained(tmp_path / "model", subfolder="animator")
    networks = load_face_networks(FaceNetworkConfig(sample_size=32, init=str(tmp_path / "model")), 0)
    pictures = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(networks.animator.read(pictures), saved.read(pictures))
    fresh = load_face_networks(config.model, config.train.seed).animator
    assert not torch.allclose(fresh.read(pictures), saved.read(pictures))


def test_clips_without_controls_are_refused(tmp_path):
    made_dataset(tmp_path, {}, {"split": "test"})
    with pytest.raises(DatasetError, match="labeled with yaw"):
        make_stage(tmp_path)


@pytest.mark.parametrize("name", ["vasa-tiny", "vasa-paper"])
def test_its_configurations_are_of_the_face_models_sizes(name):
    from emo.training.vasa_face import VASAFaceConfig

    folder = Path(__file__).parents[2] / "configs" / "train" / name
    codes = load_config(VASACodesConfig, folder / "codes.yaml", ["data.root=x"])
    assert codes.model == load_config(VASAFaceConfig, folder / "face.yaml", ["data.pairs=x"]).model
