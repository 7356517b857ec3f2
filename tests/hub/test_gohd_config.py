"""Configurations of GoHD's models, random pipelines of them, and what their folders say."""

import inspect
from dataclasses import fields

import pytest
import torch

from emo.cli.main import main
from emo.errors import ConfigError
from emo.hub import load_pipeline, model_card, system_of
from emo.hub.build_gohd import build_denoiser, build_gohd
from emo.hub.gohd_config import (
    EyeMotionGeneratorConfig,
    LipMapperConfig,
    NavigationConfig,
    PoseDenoiserConfig,
    load_gohd_config,
)
from emo.motion import CONTROLS, MeshAnimator
from emo.motion.gohd import POSE, EyeMotionGenerator, LipMapper, NavigationAnimator, PoseDenoiser
from emo.pipelines.gohd_description import describe_folder


def millions(module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def test_sizes():
    tiny = build_gohd(load_gohd_config("gohd-tiny"))
    assert 4.4 < sum(millions(part) for part in tiny.components.values() if hasattr(part, "parameters")) < 4.6
    assert (tiny.default_size, tiny.window_length) == (256, 100)
    assert tiny.scheduler.config["prediction_type"] == tiny.denoiser.config["prediction_type"] == "sample"
    paper = load_gohd_config("gohd-paper")
    with torch.device("meta"):
        denoiser = build_denoiser(paper.denoiser, CONTROLS.only(*POSE), [1.0] * 6, 9216)
    assert (len(denoiser.blocks), denoiser.config["dim"], denoiser.config["heads"]) == (20, 256, 8)
    assert 72 < millions(denoiser) < 73
    assert (paper.eye_generator.dim, paper.eye_generator.layers, paper.eye_generator.noise_dim) == (512, 2, 512)


def test_same_seed_same_weights():
    config, state = load_gohd_config("gohd-tiny"), torch.random.get_rng_state()
    first, same, other = (build_gohd(config, seed).denoiser.sample_in.weight for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state()), "the global random state was touched"


@pytest.mark.parametrize(
    ("section", "network"),
    [
        (PoseDenoiserConfig, PoseDenoiser),
        (LipMapperConfig, LipMapper),
        (EyeMotionGeneratorConfig, EyeMotionGenerator),
        (NavigationConfig, NavigationAnimator),
    ],
)
def test_sections_hold_keyword_arguments_of_their_networks(section, network):
    assert {each.name for each in fields(section)} <= set(inspect.signature(network).parameters)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("denoiser:\n  overlap: 150", "denoiser.overlap is 150, no less than"),
        ("gaze_denoiser:\n  dim: 250", "gaze_denoiser.dim is 250, which 8 heads"),
        ("denoiser:\n  kernel: 4", "denoiser.kernel is 4; it must be odd"),
        ("gaze_denoiser:\n  overlap: 40", "gaze_denoiser.max_length and overlap"),
        ("gaze_denoiser:\n  prediction_type: sample", "gaze_denoiser.prediction_type must be"),
        ("denoiser:\n  prediction_type: v_prediction", "denoiser.prediction_type"),
        ("lip_mapper:\n  layer: 1", "lip_mapper.layer"),
        ("animator:\n  sample_size: 128", "animator.sample_size is 128, not 4 x 2 for each of three or more"),
        ("animator:\n  norm_num_groups: 7", "animator.norm_num_groups is 7, which does not divide a width of 64"),
        ("animator:\n  latent_dim: 16", "animator.directions are 20, more than a latent_dim of 16"),
        ("animator:\n  code_channels: []", "animator.code_channels needs a width"),
        ("animator:\n  pooling: sum", "animator.pooling"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    (tmp_path / "gohd.yaml").write_text(text + "\naudio_encoder:\n  conv_dim: [32, 32, 32, 32, 32, 32, 32]")
    with pytest.raises(ConfigError, match=words):
        load_gohd_config(str(tmp_path / "gohd.yaml"))


def test_init_makes_a_folder_that_says_what_it_is(tmp_path, capsys):
    folder = tmp_path / "tiny"
    assert main(["init", "--config", "gohd-tiny", "--out", str(folder), "--seed", "3"]) == 0
    assert "4.5 million parameters, 256 px" in capsys.readouterr().out
    assert system_of(folder).name == "gohd"
    expected = build_gohd(load_gohd_config("gohd-tiny"), 3).denoiser.state_dict()
    for name, tensor in load_pipeline(folder).denoiser.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    assert main(["inspect", str(folder)]) == 0
    assert f"{folder}: GoHD, GoHDPipeline, 4.5 million parameters" in capsys.readouterr().out
    card = model_card(folder, "org/tiny")
    for words in ("from emo import GoHDPipeline", "| `animator` | NavigationAnimator |", "gohd", "learned directions"):
        assert words in card
    MeshAnimator().save_pretrained(folder / "animator")
    assert "in place of its face animator" in describe_folder(folder).introduction
