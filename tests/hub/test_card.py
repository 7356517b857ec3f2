"""The model card: figures from the folder itself, statements and tables where there are any."""

import json
import shutil

import pytest
import torch
from huggingface_hub import ModelCard
from tiny import tiny_pipeline

from emo.errors import ConfigError
from emo.hub import load_model_config, model_card
from emo.pipelines.emo_description import default_license


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("card") / "pipeline"
    tiny_pipeline().save_pretrained(path)
    return path


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "pipeline")


def row(card, name):
    [line] = [line for line in card.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_parameters_are_those_of_the_networks(folder):
    card = model_card(folder, "org/name")
    total = 0
    for name, part in tiny_pipeline().components.items():
        if isinstance(part, torch.nn.Module):
            count = sum(p.numel() for p in part.parameters())
            assert row(card, f"`{name}`")[1:3] == [type(part).__name__, f"{count:,}"]
            total += count
    assert row(card, "all")[2] == f"{total:,}"
    for word in ("64 x 64 px, latents 16 x 16 x 4", "Clips of 4 frames after 2", "v_prediction, zero terminal SNR"):
        assert word in card


def test_shards_and_variants_are_counted_once(folder):
    before = row(model_card(folder, "org/name"), "all")
    pipe = tiny_pipeline()
    pipe.save_pretrained(folder, max_shard_size="50KB")
    pipe.save_pretrained(folder, variant="fp16", max_shard_size="50KB")
    assert len(list(folder.glob("unet/*fp16-*.safetensors"))) > 1
    assert row(model_card(folder, "org/name"), "all") == before


def test_the_precision_is_that_of_the_files(folder):
    assert "safetensors, float32; loaded in float32" in model_card(folder, "org/name")
    tiny_pipeline().to(torch.float16).save_pretrained(folder, variant="fp16", max_shard_size="50KB")
    assert 'safetensors, float32, float16 as `variant="fp16"`;' in model_card(folder, "org/name")


def test_the_header_is_what_the_hub_reads(folder):
    data = ModelCard(model_card(folder, "org/name")).data
    assert (data.license, data.library_name, data.pipeline_tag) == ("apache-2.0", "diffusers", "image-to-video")


def test_what_is_not_known_is_said_and_what_is_stated_stands(folder):
    card = model_card(folder, "org/name")
    assert "has not said what they were trained on" in card
    for absent in ("samples.png", "mechanisms work"):
        assert absent not in card
    (folder / "card.json").write_text(json.dumps({"license": "mit", "training_data": "People who do not exist."}))
    card = model_card(folder, "org/name")
    assert "People who do not exist." in card
    assert "has not said" not in card
    assert ModelCard(card).data.license == "mit"
    card = model_card(folder, "org/name", license="cc0-1.0", training_data="Nothing.")
    assert "Nothing." in card
    assert ModelCard(card).data.license == "cc0-1.0"


def test_weights_of_stable_diffusions_size_have_its_license():
    for name, license in (("emo-sd15", "creativeml-openrail-m"), ("emo-tiny", "apache-2.0")):
        assert default_license({"block_out_channels": load_model_config(name).unet.block_out_channels}) == license


def test_the_table_of_mechanisms_and_the_samples(folder):
    rows = [
        {"mechanism": "audio", "measure": "correlation", "value": "0.81", "bar": "at least 0.5", "passed": True},
        {"mechanism": "speed", "measure": "rank", "value": "0.1", "bar": "at least 0.9", "passed": False, "more": 1},
    ]
    (folder / "mechanisms.json").write_text(json.dumps({"rows": rows, "about": {}}))
    (folder / "samples.png").write_bytes(b"picture")
    card = model_card(folder, "org/name")
    assert row(card, "audio") == ["audio", "correlation", "0.81", "at least 0.5", "yes"]
    assert row(card, "speed")[4] == "no"
    assert "![Samples](samples.png)" in card


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("card.json", '{"licensed": "mit"}', "licensed"),
        ("card.json", "{", "not valid JSON"),
        ("card.json", "[]", "not a JSON object"),
        ("mechanisms.json", '{"rows": [{"mechanism": "audio"}]}', "measure"),
        ("mechanisms.json", "{}", "rows"),
    ],
)
def test_what_cannot_be_understood_is_named(folder, name, text, word):
    (folder / name).write_text(text)
    with pytest.raises(ConfigError, match=word) as caught:
        model_card(folder, "org/name")
    assert name in str(caught.value)


def test_a_folder_of_one_variant_alone_is_loaded_by_it(tmp_path):
    tiny_pipeline().save_pretrained(tmp_path / "half", variant="fp16")
    card = model_card(tmp_path / "half", "org/name")
    assert 'EMOPipeline.from_pretrained("org/name", variant="fp16")' in card
    assert "emo generate" not in card
