"""Configurations of GAIA's models, and networks of them."""

import inspect
from dataclasses import fields

import pytest
import torch

from emo.errors import ConfigError
from emo.hub import gaia_config
from emo.hub.build_gaia import build_gaia_networks
from emo.hub.gaia_config import load_gaia_config
from emo.motion.gaia import MotionAppearanceVAE, MotionConformer, PosePredictor, SpeechEncoder

MOST = 15e6 / 2  # parameters of a file of 15 MB in half precision
NAMES = ("gaia-tiny", "gaia-small", "gaia-base", "gaia-large")


def millions(module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


@pytest.fixture(scope="module")
def models() -> dict[str, dict]:
    with torch.device("meta"):
        return {name: build_gaia_networks(load_gaia_config(name)) for name in NAMES}


def test_sizes(models):
    assert all(millions(network) * 1e6 < MOST for network in models["gaia-tiny"].values())
    assert [round(millions(models[name]["vae"])) for name in NAMES] == [5, 91, 609, 1883]
    assert [round(millions(models[name]["denoiser"])) for name in NAMES] == [4, 44, 539, 1377]
    for name, dim, layers in zip(NAMES, (192, 512, 1280, 2048), (4, 6, 12, 12), strict=True):
        config = models[name]["denoiser"].config
        assert (config.dim, config.layers, config.max_length) == (dim, layers, 250)


@pytest.mark.parametrize("name", NAMES)
def test_parts_fit_each_other(models, name):
    model, config = models[name], load_gaia_config(name)
    vae, denoiser = model["vae"], model["denoiser"]
    with torch.device("meta"), torch.no_grad():
        picture = torch.zeros(1, 3, config.image_size, config.image_size)
        drawn = vae(picture, picture)
        appearance, motion = drawn.appearance.mode(), drawn.motion.mode()
        assert drawn.sample.shape == picture.shape
        assert appearance.shape == (1, config.vae.appearance_channels, *[config.image_size // 8] * 2)
        assert motion.shape == (1, *vae.motion_shape) == (1, 3, *[config.image_size // 16] * 2)
        latents = motion.flatten(1)
        assert latents.shape[1] == len(denoiser.space)
        audio = torch.zeros(1, 125, model["speech_encoder"].config.audio_dim)
        speech = model["speech_encoder"](audio, model["pose_predictor"](audio))
        found = denoiser(latents[:, None].expand(-1, 125, -1), torch.zeros(1), speech, latents)
    assert found.shape == (1, 125, len(denoiser.space))


def test_same_seed_same_weights():
    config, state = load_gaia_config("gaia-tiny"), torch.random.get_rng_state()
    first, same, other = (build_gaia_networks(config, seed)["denoiser"].motion_out.weight for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state()), "the global random state was touched"


@pytest.mark.parametrize("network", [MotionAppearanceVAE, MotionConformer, SpeechEncoder, PosePredictor])
def test_sections_hold_keyword_arguments_of_the_networks(network):
    section = getattr(gaia_config, f"{network.__name__}Config")
    assert {each.name for each in fields(section)} <= set(inspect.signature(network).parameters)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image_size: 136", "image_size"),
        (
            "image_size: 144\nvae:\n  block_out_channels: [32, 32, 32, 32, 32]",
            "image_size is 144, no",
        ),
        ("vae:\n  block_out_channels: []", "vae.block_out_channels is empty"),
        ("vae:\n  norm_num_groups: 7", "vae.norm_num_groups is 7, which does not divide a width of 32"),
        ("denoiser:\n  dim: 250", "denoiser.dim is 250, which 8 heads"),
        ("denoiser:\n  overlap: 250", "denoiser.overlap is 250, no less than sequences of 250"),
        ("speech_encoder:\n  kernel: 4", "speech_encoder.kernel is 4; it must be odd"),
        ("denoiser:\n  width: 4", "denoiser.width"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    if "block_out_channels" not in text:
        text = text.replace("vae:", "vae:\n  block_out_channels: [32, 32, 32, 32]")
        text += "" if "vae:" in text else "\nvae:\n  block_out_channels: [32, 32, 32, 32]"
    (tmp_path / "gaia.yaml").write_text(text + "\naudio_encoder:\n  conv_dim: [32, 32, 32, 32, 32, 32, 32]\n")
    with pytest.raises(ConfigError, match=words) as caught:
        load_gaia_config(str(tmp_path / "gaia.yaml"))
    assert "gaia.yaml" in str(caught.value)
