"""VASA-1's motion model in a face model's codes: learned from pictures, saved with what draws them."""

import json
from pathlib import Path

import pytest
import torch
from made_clips import made_dataset
from test_vasa_motion import options
from tiny import tiny_config
from transformers import Wav2Vec2FeatureExtractor

from emo import VASAPipeline
from emo.data import ClipReader
from emo.errors import ConfigError, DatasetError, WeightsError
from emo.hub import build_audio_encoder
from emo.motion import CONTROLS, MotionTrack
from emo.motion.vasa import VolumeAnimator
from emo.training.loop import make_accelerator, train
from emo.training.script import load_settings
from emo.training.vasa import VASAMotionConfig, VASAMotionStage
from emo.training.vasa.samples import clip_motion

DYNAMICS = 4
SIZES = {"sample_size": 32, "volume_channels": 8, "volume_depth": 2, "block_out_channels": (8, 8)}
SIZES |= {"layers_per_block": 1, "code_channels": (8,), "identity_dim": 4, "dynamics_dim": DYNAMICS}
SIZES |= {"warp_channels": (8,), "norm_num_groups": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """An audio encoder, a face model, and clips of 64 px."""
    root = tmp_path_factory.mktemp("codes")
    torch.manual_seed(0)
    build_audio_encoder(tiny_config().audio_encoder).save_pretrained(root / "encoder")
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(root / "encoder")
    VolumeAnimator(**SIZES).save_pretrained(root / "animator")
    made_dataset(root / "tracks", *[{"split": split} for split in ("train", "train", "test", "test")])
    return root


def make_stage(folder: Path, *more: str) -> VASAMotionStage:
    config, _ = load_settings(VASAMotionConfig, options(folder, f"model.animator={folder / 'animator'}", *more))
    return VASAMotionStage(config, make_accelerator(config.train))


def test_motion_is_what_the_face_model_reads_of_the_pictures(folder):
    stage = make_stage(folder)
    space = stage.networks.space
    assert space.names == stage.animator.space.names != CONTROLS.names
    frames = next(ClipReader(folder / "tracks", "train", size=32).batches(0, 100))
    read = stage.animator.codes(frames)
    torch.testing.assert_close(clip_motion(stage.reader, 0, space), read)
    assert not torch.allclose(read[0], read[1])
    values = torch.cat([clip_motion(stage.reader, number, space) for number in range(2)])
    torch.testing.assert_close(space.normalize(values).mean(0), torch.zeros(len(space)), atol=1e-3, rtol=0)
    batch = next(iter(stage.loader(0, 1, 0)))
    assert batch.motion.shape[-1] == len(space) == 6 + DYNAMICS


def test_trained_it_is_a_pipeline_with_its_face_model(folder, tmp_path):
    given = [f"train.output={tmp_path}", "train.validate_every=2", f"model.animator={folder / 'animator'}"]
    config, resume = load_settings(VASAMotionConfig, options(folder, *given))
    accelerator = make_accelerator(config.train)
    assert train(VASAMotionStage(config, accelerator), config.train, accelerator, resume) == 0
    scores = json.loads(next((tmp_path / "validation").rglob("scores.json")).read_text())
    assert {"dynamics r", "dynamics r, another's", "delta p", "deviation pose", "deviation dynamics"} <= set(scores)
    assert not any(name.startswith(("jaw", "gaze", "distance")) for name in scores)
    pipe = VASAPipeline.from_pretrained(tmp_path / "model")
    assert isinstance(pipe.animator, VolumeAnimator)
    assert pipe.space.names == pipe.animator.space.names
    saved = MotionTrack.load(next((tmp_path / "validation").rglob("*.safetensors")))
    assert saved.space.names == pipe.space.names


def test_learned_codes_weigh_as_the_mouth_does(folder):
    def loss(weight: float) -> float:
        stage = make_stage(folder, f"loss.mouth_weight={weight}", "loss.border_weight=0")
        batch = next(iter(stage.loader(0, 1, 0)))
        batch.motion[..., 6:] += 10  # the codes are wrong, the pose is not
        return stage.loss(stage.networks, batch)[0].item()

    assert loss(5.0) > 1.2 * loss(1.0)


def test_what_does_not_fit_is_refused(folder, tmp_path):
    with pytest.raises(WeightsError, match="animator"):
        make_stage(folder, f"model.animator={tmp_path / 'no-animator'}")
    stage = make_stage(folder)
    stage.save(tmp_path, stage.networks.state_dict())
    VolumeAnimator(**SIZES | {"dynamics_dim": 3}).save_pretrained(tmp_path / "smaller")
    with pytest.raises(ConfigError, match="another motion"):
        make_stage(folder, f"model.init={tmp_path / 'denoiser'}", f"model.animator={tmp_path / 'smaller'}")
    config, _ = load_settings(VASAMotionConfig, options(folder))
    accelerator = make_accelerator(config.train)
    with pytest.raises(DatasetError, match="labeled with"):
        VASAMotionStage(config, accelerator)
