"""Damaged weights folders: each is refused with the component and the tensor at fault."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import tiny_pipeline

from emo.errors import ConfigError, WeightsError
from emo.pipelines import EMOPipeline

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "pipeline"
    tiny_pipeline().save_pretrained(path)
    return path


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "pipeline")


def refused(folder, *words):
    with pytest.raises(WeightsError) as caught:
        EMOPipeline.from_pretrained(folder)
    for word in words:
        assert word in str(caught.value)


def test_a_whole_folder_loads(folder):
    EMOPipeline.from_pretrained(folder)


@pytest.mark.parametrize("name", ["/no/such/folder", "./missing", "missing", "a/b/c"])
def test_no_such_folder(name):
    refused(name, name, "emo init")


def test_a_file_instead_of_a_folder(folder):
    refused(folder / "model_index.json", "no such folder")


def test_no_model_index(folder):
    (folder / "model_index.json").unlink()
    refused(folder, "model_index.json")


def test_model_index_is_no_json(folder):
    (folder / "model_index.json").write_text("{")
    refused(folder, "model_index.json", "JSON")


@pytest.mark.parametrize("name", ["unet", "vae", "audio_encoder", "scheduler", "feature_extractor"])
def test_a_component_is_missing(folder, name):
    shutil.rmtree(folder / name)
    refused(folder, repr(name), "missing")


@pytest.mark.parametrize("name", ["unet", "scheduler"])
def test_a_component_is_not_in_the_index(folder, name):
    index = json.loads((folder / "model_index.json").read_text())
    del index[name]
    (folder / "model_index.json").write_text(json.dumps(index))
    refused(folder, repr(name), "missing")


@pytest.mark.parametrize("file", ["scheduler/scheduler_config.json", "feature_extractor/preprocessor_config.json"])
def test_a_settings_file_is_missing(folder, file):
    (folder / file).unlink()
    refused(folder, str(folder))


@pytest.mark.parametrize("name", ["unet", "audio_encoder"])
@pytest.mark.parametrize("text", ["{", '{"num_attention_heads": [3, 3], "hidden_size": 7}'])
def test_a_config_that_makes_no_network(folder, name, text):
    (folder / name / "config.json").write_text(text)
    refused(folder, name)


def test_a_mistyped_path_is_no_hub_name(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "weights").mkdir()
    refused("weights/emo-tny", "no such folder")


def test_an_unknown_class(folder):
    index = json.loads((folder / "model_index.json").read_text())
    index["unet"] = ["os", "system"]
    (folder / "model_index.json").write_text(json.dumps(index))
    refused(folder, "os.system")


@pytest.mark.parametrize("name", ["unet", "audio_encoder"])
def test_weights_or_config_are_missing(folder, name):
    (folder / name / "config.json").rename(folder / name / "kept")
    refused(folder, "config.json", repr(name))
    (folder / name / "kept").rename(folder / name / "config.json")
    next((folder / name).glob("*.safetensors")).unlink()
    refused(folder, "no safetensors", repr(name))


@pytest.mark.parametrize("name", ["unet", "vae", "audio_encoder"])
def test_a_tensor_is_missing_or_of_another_shape(folder, name):
    file = next((folder / name).glob("*.safetensors"))
    tensors = load_file(file)
    key = sorted(tensors)[0]
    save_file({k: v for k, v in tensors.items() if k != key}, file, metadata={"format": "pt"})
    refused(folder, name, key, "lacks")
    save_file(tensors | {key: torch.zeros(3, 5, 7)}, file, metadata={"format": "pt"})
    refused(folder, name, key, "(3, 5, 7)")


def test_truncated_weights(folder):
    file = folder / "unet" / WEIGHTS
    file.write_bytes(file.read_bytes()[:5000])
    refused(folder, WEIGHTS, "cannot be read")


@pytest.mark.parametrize("name", ["diffusion_pytorch_model.bin", "weights.ckpt", "weights.pt", "weights.pth", "w.pkl"])
def test_pickles_are_never_loaded(folder, name):
    """Not even beside good weights."""
    (folder / "unet" / name).write_bytes(b"\x80\x04.")
    refused(folder, name, "pickle")


def test_epsilon_with_zero_terminal_snr(folder):
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(file.read_text().replace("v_prediction", "epsilon"))
    with pytest.raises(ConfigError, match="v_prediction"):
        EMOPipeline.from_pretrained(folder)
