"""Validation clips: files on fixed portraits and sounds, the same each time, by the networks as they are."""

import av
import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from random_clips import make_stage
from tiny import SIZE, noise

from emo.errors import AudioError, ConfigError, FaceError, ImageError
from emo.training.emo.config import ValidationConfig
from emo.training.emo.validation import check_validation, sample_pictures
from emo.training.loop import make_accelerator, train


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[str, str]:
    """A portrait without a face, for which the face region is `full`, and a sound."""
    folder = tmp_path_factory.mktemp("validation")
    pixels = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "portrait.png")
    soundfile.write(folder / "sound.wav", *noise(1.0))
    return str(folder / "portrait.png"), str(folder / "sound.wav")


def options(files, **more) -> dict:
    portrait, sound = files
    shown = {"portraits": [portrait], "sounds": [sound], "face_region": "full", "seconds": 0.3}
    return {f"validation__{k}": v for k, v in {**shown, "num_inference_steps": 2, **more}.items()}


def test_stage_1_shows_pictures(init, files, tmp_path):
    stage = make_stage(1, init, tmp_path, train__steps=2, train__validate_every=1, **options(files))
    train(stage, stage.config.train, make_accelerator(stage.config.train))
    sheets = [Image.open(tmp_path / "validation" / f"step-0000000{i}" / "pictures.png") for i in (1, 2)]
    assert sheets[0].width > 5 * SIZE
    assert not np.array_equal(*map(np.asarray, sheets))  # the networks have moved on


def test_stage_3_shows_clips_with_sound(init, files, tmp_path):
    stage = make_stage(3, init, tmp_path, train__steps=1, train__validate_every=1, **options(files, speed=0.5))
    train(stage, stage.config.train, make_accelerator(stage.config.train))
    folder = tmp_path / "validation" / "step-00000001"
    with av.open(str(folder / "portrait-sound.mp4")) as video:
        assert (video.streams.video[0].frames, len(video.streams.audio)) == (8, 1)
    assert (folder / "frames.png").is_file()


@torch.no_grad()
def test_pictures_are_sampled_without_sound_and_motion_and_repeatably(init, files):
    stage = make_stage(1, init, **options(files))
    reference, mask = torch.randn(2, 4, 16, 16), torch.ones(1, 1, SIZE, SIZE)
    sample = lambda: sample_pictures(stage.pipe, stage.networks, reference, mask, stage.config.validation)
    before = sample()
    assert before.shape == (2, 4, 16, 16)
    assert torch.equal(sample(), before)
    for name, parameter in stage.networks.named_parameters():
        if name not in stage.trainable:
            parameter.add_(1)
    assert torch.equal(sample(), before)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (ValidationConfig(), "validation.portraits names no files"),
        (ValidationConfig(portraits=["nowhere.png"]), "validation.portraits: nowhere.png does not exist"),
        (ValidationConfig(portraits=[__file__]), "validation.sounds names no files"),
    ],
)
def test_what_is_missing_is_named_before_training(config, message):
    with pytest.raises(ConfigError, match=message):
        check_validation(config, sounds=True)


def test_what_cannot_be_shown_is_named_before_training(files, tmp_path):
    portrait, sound = files
    check_validation(ValidationConfig([portrait], [sound], "full"), sounds=True)
    check_validation(ValidationConfig([portrait], face_region="full"), sounds=False)
    (tmp_path / "bad").write_text("x")
    for portraits, sounds, region, error in (
        ([portrait], [sound], None, FaceError),
        ([portrait, str(tmp_path / "bad")], [sound], "full", ImageError),
        ([portrait], [sound, str(tmp_path / "bad")], "full", AudioError),
    ):
        with pytest.raises(error, match=r"portrait\.png|bad"):
            check_validation(ValidationConfig(portraits, sounds, region), sounds=True)
