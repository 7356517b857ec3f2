"""A pipeline around the autoencoders of our own: saved, loaded both ways, checked and run like any other."""

from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file, save_file
from tiny import noise, patch_pipeline, tiny_config

from emo.errors import ConfigError, OptionError, WeightsError
from emo.face import prepare_portrait
from emo.hub import build_pipeline, load_model_config, load_vae
from emo.media import load_image
from emo.pipelines import EMOPipeline
from emo.unets import PatchAutoencoder

SMALL = Path(__file__).parents[2] / "configs" / "train" / "smoke" / "model.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("patch") / "pipeline"
    patch_pipeline().save_pretrained(path)
    return path


def generate(pipe: EMOPipeline, portrait, **more) -> torch.Tensor:
    options = dict(num_inference_steps=1, output_type="pt", generator=torch.Generator().manual_seed(0)) | more
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


def test_with_a_reference_decoder_pictures_are_twice_as_large(portrait, tmp_path):
    pipe = patch_pipeline(reference=True)
    frames = generate(pipe, portrait)
    assert frames.shape[-2:] == (128, 128)
    pipe.save_pretrained(tmp_path)
    for loaded in (
        EMOPipeline.from_pretrained(tmp_path),
        DiffusionPipeline.from_pretrained(tmp_path, trust_remote_code=True),
    ):
        assert type(loaded.vae).__name__ == "ReferenceAutoencoder"
        assert torch.equal(generate(loaded, portrait), frames)


def test_with_a_reference_decoder_any_size_comes_from_the_same_latents(portrait):
    pipe = patch_pipeline(reference=True)
    latents = [
        generate(pipe, portrait, height=size, width=size, face_region="full", output_type="latent")
        for size in (128, 192)
    ]
    assert torch.equal(*latents)
    small, large = (generate(pipe, portrait, height=size, width=size) for size in (128, 384))
    assert large.shape[-2:] == (384, 384)
    shrunk = torch.nn.functional.interpolate(large, (128, 128), mode="area")
    assert (shrunk - small).abs().mean() < 0.05
    wide = generate(pipe, portrait, height=128, width=200)
    assert wide.shape[-2:] == (128, 200)
    for size in (62, 129):
        with pytest.raises(OptionError, match=f"height is {size}; it must be one of the multiples of 2 from 64"):
            generate(pipe, portrait, height=size)


def test_the_frames_are_drawn_from_the_portrait_that_was_given(portrait):
    pipe = patch_pipeline(reference=True)
    expected = generate(pipe, portrait)
    seen = []
    encode = pipe.vae.encode_reference
    pipe.vae.encode_reference = lambda picture, latents: seen.append(picture) or encode(picture, latents)
    assert torch.equal(generate(pipe, portrait), expected)
    crop = prepare_portrait(load_image(portrait), height=128, width=128).image
    assert len(seen) == 1
    torch.testing.assert_close(seen[0][0], torch.from_numpy(crop).permute(2, 0, 1) / 127.5 - 1)


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
    build_pipeline(tiny_config()).vae.save_pretrained(tmp_path / "kl")
    patch_pipeline(reference=True).vae.save_pretrained(tmp_path / "reference")
    places = (folder / "vae", tmp_path / "kl", tmp_path / "reference")
    assert [type(load_vae(str(path))).__name__ for path in places] == [
        "PatchAutoencoder",
        "AutoencoderKL",
        "ReferenceAutoencoder",
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
