"""The saved folder: what `from_pretrained` makes of it, by class and generically, here and in a fresh process."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from tiny import noise, tiny_pipeline

from emo.errors import OptionError, WeightsError
from emo.pipelines import EMOPipeline

OWN = {"unet", "reference_unet", "face_locator", "speed_encoder", "audio_projection"}
GENERATE = """
import sys, numpy as np, torch
{load}
pipe.set_progress_bar_config(disable=True)
sound = np.random.default_rng(0).normal(0, 0.1, 6400).astype(np.float32)
from skimage.data import astronaut
frames = pipe(astronaut(), (sound, 16000), num_inference_steps=1, output_type="np",
              generator=torch.Generator().manual_seed(0)).frames
np.save(sys.argv[2], frames)
"""
BY_CLASS = "from emo import EMOPipeline; pipe = EMOPipeline.from_pretrained(sys.argv[1])"
GENERIC = (
    "from diffusers import DiffusionPipeline; "
    "pipe = DiffusionPipeline.from_pretrained(sys.argv[1], trust_remote_code=True)"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "pipeline"
    tiny_pipeline().save_pretrained(path)
    return path


def same_weights(first: DiffusionPipeline, second: DiffusionPipeline) -> bool:
    for name, part in first.components.items():
        if isinstance(part, torch.nn.Module):
            state, other = part.state_dict(), getattr(second, name).state_dict()
            if state.keys() != other.keys() or not all(torch.equal(state[key], other[key]) for key in state):
                return False
    return True


def test_round_trip_by_class(folder):
    original, loaded = tiny_pipeline(), EMOPipeline.from_pretrained(folder)
    assert same_weights(original, loaded)
    assert not same_weights(original, tiny_pipeline(seed=1))
    assert torch.equal(loaded.scheduler.alphas_cumprod, original.scheduler.alphas_cumprod)
    for key in ("prediction_type", "timestep_spacing", "set_alpha_to_one", "clip_sample", "steps_offset"):
        assert loaded.scheduler.config[key] == original.scheduler.config[key]
    assert loaded.vae_scale_factor == original.vae_scale_factor


def test_saving_what_was_loaded_changes_nothing(folder, tmp_path):
    EMOPipeline.from_pretrained(folder).save_pretrained(tmp_path / "again")
    files, again = (
        sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
        for root in (folder, tmp_path / "again")
    )
    assert files == again
    for file in files:
        assert (folder / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), file


@pytest.mark.slow
@pytest.mark.parametrize("load", [BY_CLASS, GENERIC], ids=["by class", "generic"])
def test_a_fresh_process_makes_the_same_video(folder, tmp_path, portrait, load):
    """Without the emo checkout as working directory, and with an empty cache of remote code."""
    result = tmp_path / "frames.npy"
    environment = os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_MODULES_CACHE": str(tmp_path / "modules")}
    command = [sys.executable, "-c", GENERATE.format(load=load), str(folder), str(result)]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path)
    pipe = tiny_pipeline()
    options = dict(num_inference_steps=1, output_type="np", generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(np.load(result), pipe(portrait, noise(0.4), **options).frames, atol=1e-6)


def test_remote_code_runs_only_with_the_flag(folder):
    with pytest.raises(ValueError, match="trust_remote_code"):
        DiffusionPipeline.from_pretrained(folder)


def test_what_the_folder_holds(folder):
    index = json.loads((folder / "model_index.json").read_text())
    assert index["_class_name"] == ["pipeline", "EMOPipeline"]
    assert {name: index[name][0] for name in OWN} == dict.fromkeys(OWN, "emo")
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".json", ".py", ".safetensors"}
    for name in OWN:
        assert (folder / name / "emo.py").read_text().startswith(f"from emo import {index[name][1]}\n")


def test_no_local_path_is_saved(folder, tmp_path):
    EMOPipeline.from_pretrained(folder).save_pretrained(tmp_path / "again")
    for file in (tmp_path / "again").rglob("*.json"):
        assert str(folder.parent) not in file.read_text(), file


def test_a_passed_component_takes_the_place_of_the_saved_one(folder):
    other = tiny_pipeline(seed=1).unet
    assert EMOPipeline.from_pretrained(folder, unet=other).unet is other


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_loading_in_half_precision(folder, dtype):
    pipe = EMOPipeline.from_pretrained(folder, dtype=dtype)
    networks = [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
    assert {part.dtype for part in networks} == {dtype}


def test_an_fp16_variant_beside_the_default(folder, tmp_path):
    both = shutil.copytree(folder, tmp_path / "both")
    tiny_pipeline().to(torch.float16).save_pretrained(both, variant="fp16")
    dtypes = lambda pipe: {part.dtype for part in pipe.components.values() if isinstance(part, torch.nn.Module)}
    assert dtypes(EMOPipeline.from_pretrained(both)) == {torch.float32}
    assert dtypes(EMOPipeline.from_pretrained(both, variant="fp16", dtype=torch.float16)) == {torch.float16}
    generic = DiffusionPipeline.from_pretrained(both, trust_remote_code=True)
    assert dtypes(generic) == {torch.float32}


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    """Half precision in many files, as weights that come with the package are."""
    path = tmp_path_factory.mktemp("shards") / "half"
    tiny_pipeline().to(torch.float16).save_pretrained(path, max_shard_size="50KB")
    assert len(list((path / "unet").glob("*-of-*.safetensors"))) > 2
    return path


@pytest.mark.parametrize("load", ["by class", "generic"])
def test_half_precision_in_shards_loads_as_float32(shards, load):
    if load == "by class":
        pipe = EMOPipeline.from_pretrained(shards)
    else:
        pipe = DiffusionPipeline.from_pretrained(shards, trust_remote_code=True)
    assert {part.dtype for part in pipe.components.values() if isinstance(part, torch.nn.Module)} == {torch.float32}
    assert same_weights(pipe, tiny_pipeline().to(torch.float16).to(torch.float32))


def test_a_missing_shard_is_named(shards, tmp_path):
    broken = shutil.copytree(shards, tmp_path / "broken")
    next((broken / "unet").glob("*-00002-of-*.safetensors")).unlink()
    with pytest.raises(WeightsError, match=r"'unet' lacks the tensor"):
        EMOPipeline.from_pretrained(broken)


def test_a_variant_does_not_hide_what_is_missing(folder, tmp_path):
    both = shutil.copytree(folder, tmp_path / "both")
    tiny_pipeline().save_pretrained(both, variant="fp16")
    (both / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"'unet' but of the variant fp16"):
        EMOPipeline.from_pretrained(both)
    assert EMOPipeline.from_pretrained(both, variant="fp16").unet.dtype == torch.float32


def test_saving_over_shards_leaves_none_of_them(folder, shards, tmp_path):
    path = shutil.copytree(shards, tmp_path / "pipeline")
    tiny_pipeline(seed=1).save_pretrained(path)
    assert [file.name for file in path.rglob("*") if "-of-" in file.name or "index.json" in file.name] == [
        "model_index.json"
    ]
    assert same_weights(EMOPipeline.from_pretrained(path), tiny_pipeline(seed=1))
    tiny_pipeline(seed=2).save_pretrained(path, max_shard_size="50KB")
    assert not (path / "unet" / "diffusion_pytorch_model.safetensors").exists()
    assert same_weights(EMOPipeline.from_pretrained(path), tiny_pipeline(seed=2))


def test_only_safetensors_are_written(tmp_path):
    for options in ({"safe_serialization": False}, {"use_flashpack": True}):
        with pytest.raises(OptionError, match="safetensors only"):
            tiny_pipeline().save_pretrained(tmp_path / "none", **options)
    assert not (tmp_path / "none").exists()
