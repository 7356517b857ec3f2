"""A pipeline around the patch autoencoder: saved, loaded both ways, checked and run like any other."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file, save_file
from tiny import noise, tiny_config
from zero_init import fill_zero_init

from emo.errors import ConfigError, WeightsError
from emo.hub import build_pipeline, load_model_config, load_vae
from emo.hub.model_config import VAEConfig
from emo.pipelines import EMOPipeline
from emo.unets import PatchAutoencoder

VAE = VAEConfig("patch", block_out_channels=[8, 8, 16], layers_per_block=1, latent_channels=4, norm_num_groups=4)

SMALL = Path(__file__).parents[2] / "configs" / "train" / "smoke" / "model.yaml"


def patch_pipeline() -> EMOPipeline:
    pipe = build_pipeline(replace(tiny_config(), vae=VAE))
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            fill_zero_init(part)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("patch") / "pipeline"
    patch_pipeline().save_pretrained(path)
    return path


def generate(pipe: EMOPipeline, portrait) -> torch.Tensor:
    options = dict(num_inference_steps=1, output_type="pt", generator=torch.Generator().manual_seed(0))
    pipe.set_progress_bar_config(disable=True)
    return pipe(portrait, noise(0.2), **options).frames


def test_loaded_by_class_and_generically_it_makes_the_same_video(folder, portrait):
    expected = generate(patch_pipeline(), portrait)
    assert expected.shape[-2:] == (64, 64)
    loaded = EMOPipeline.from_pretrained(folder)
    assert isinstance(loaded.vae, PatchAutoencoder)
    assert torch.equal(generate(loaded, portrait), expected)
    generic = DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)
    assert torch.equal(generate(generic, portrait), expected)
    assert (folder / "vae" / "emo.py").is_file()


def test_a_damaged_one_is_named(folder, tmp_path):
    pipe = EMOPipeline.from_pretrained(folder)
    pipe.save_pretrained(tmp_path)
    file = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    del tensors["patch_in.weight"]
    save_file(tensors, file, {"format": "pt"})
    with pytest.raises(WeightsError, match=r"'vae' lacks the tensor 'patch_in.weight'"):
        EMOPipeline.from_pretrained(tmp_path)


def test_either_kind_loads_by_folder(folder, tmp_path):
    build_pipeline(tiny_config()).vae.save_pretrained(tmp_path)
    assert [type(load_vae(str(path))).__name__ for path in (folder / "vae", tmp_path)] == [
        "PatchAutoencoder",
        "AutoencoderKL",
    ]
    with pytest.raises(WeightsError, match="no autoencoder could be loaded"):
        load_vae(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("kind: patch", "kind: path", "vae.kind is path"),
        ("norm_num_groups: 8}", "norm_num_groups: 7}", "vae.norm_num_groups: 7 does not divide"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(tmp_path, right, wrong, message):
    path = tmp_path / "model.yaml"
    path.write_text(SMALL.read_text().replace(right, wrong))
    with pytest.raises(ConfigError, match=message):
        load_model_config(str(path))
