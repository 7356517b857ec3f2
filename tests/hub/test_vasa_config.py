"""Configurations of VASA-1's models, random pipelines of them, and what their folders say."""

import inspect
from dataclasses import fields

import pytest
import torch

from emo.cli.main import main
from emo.errors import ConfigError
from emo.hub import load_pipeline, model_card, system_of
from emo.hub.build_vasa import build_vasa
from emo.hub.vasa_config import DenoiserConfig, load_vasa_config
from emo.motion.vasa import HolisticMotionTransformer


def millions(module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def test_sizes():
    mesh, tiny, paper = (build_vasa(load_vasa_config(name)) for name in ("vasa-mesh", "vasa-tiny", "vasa-paper"))
    assert millions(mesh.denoiser) + millions(mesh.audio_encoder) < 7
    config = paper.denoiser.config
    assert (config.dim, config.layers, config.heads, config.window_length, config.prefix_length) == (512, 8, 8, 50, 10)
    assert 90 < millions(paper.audio_encoder) < 96
    assert 2.9 < millions(tiny.animator) < 3.1
    assert 120 < millions(paper.animator) < 124
    assert (mesh.default_size, tiny.default_size, paper.default_size) == (512, 256, 512)
    assert tiny.animator.config.sample_size == 128  # what its networks see
    assert (len(mesh.space), len(tiny.space), len(paper.space)) == (14, 6 + 32, 6 + 128)
    assert all(pipe.denoiser.space.names == pipe.space.names for pipe in (mesh, tiny, paper))


def test_same_seed_same_weights():
    config, state = load_vasa_config("vasa-mesh"), torch.random.get_rng_state()
    first, same, other = (build_vasa(config, seed).denoiser.motion_out.weight for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state()), "the global random state was touched"


def test_the_section_holds_keyword_arguments_of_the_network():
    assert {each.name for each in fields(DenoiserConfig)} <= set(
        inspect.signature(HolisticMotionTransformer).parameters
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("denoiser:\n  emotions: [happy]\n  prefix_length: 60", "denoiser.prefix_length is 60, more than"),
        ("denoiser:\n  emotions: [happy]\n  dim: 250", "denoiser.dim is 250, which 8 heads"),
        ("denoiser:\n  emotion: [happy]", "denoiser.emotion"),
        ("animator:\n  norm_num_groups: 7\ndenoiser:\n  emotions: [happy]", "animator.norm_num_groups is 7, which"),
        ("image_size: 0\ndenoiser:\n  emotions: [happy]", "image_size"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    encoder = "\naudio_encoder:\n  conv_dim: [32, 32, 32, 32, 32, 32, 32]"
    (tmp_path / "vasa.yaml").write_text(text + encoder)
    with pytest.raises(ConfigError, match=words) as caught:
        load_vasa_config(str(tmp_path / "vasa.yaml"))
    assert "vasa.yaml" in str(caught.value)


def test_init_makes_a_folder_that_says_what_it_is(tmp_path, capsys):
    folder = tmp_path / "mesh"
    assert main(["init", "--config", "vasa-mesh", "--out", str(folder), "--seed", "3"]) == 0
    assert "6.1 million parameters, 512 px" in capsys.readouterr().out
    assert system_of(folder).name == "vasa"
    expected = build_vasa(load_vasa_config("vasa-mesh"), 3).denoiser.state_dict()
    for name, tensor in load_pipeline(folder).denoiser.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    assert main(["inspect", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert f"{folder}: VASA-1, VASAPipeline, 6.1 million parameters" in shown
    assert "denoiser: HolisticMotionTransformer" in shown
    card = model_card(folder, "org/mesh")
    for words in ("from emo import VASAPipeline", "--model org/mesh", "| `animator` | MeshAnimator |", "vasa-1"):
        assert words in card
