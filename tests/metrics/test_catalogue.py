"""The list of networks, and the files that say what a network is fed."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_networks import PLAIN, Channels, pictures, save

from emo.errors import EmoError
from emo.metrics import catalogue
from emo.metrics.catalogue import CATALOGUE, KINDS, InputSpec, entries, read_spec
from emo.metrics.extractors import open_extractor
from emo.metrics.networks import prepare

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "extractors.md"


def test_the_catalogue_is_whole_and_the_documentation_tells_of_all_of_it():
    text = DOCUMENTATION.read_text("utf-8")
    assert [entry.name for entry in CATALOGUE if entry is entries(entry.kind)[0]] == [e.name for e in CATALOGUE]
    for entry in CATALOGUE:
        assert entry.kind in KINDS
        assert re.fullmatch("[0-9a-f]{64}", entry.sha256)
        assert entry.url.startswith("https://")
        assert entry.url.endswith("/" + entry.file)
        assert (entry.repo is None) == (entry.revision is None)
        for told in (entry.name, entry.sha256, entry.url, f"{entry.megabytes} MB"):
            assert told in text
    for key in InputSpec.__dataclass_fields__:
        assert f"`{key}`" in text
    for kind in KINDS:
        assert f"`{kind}`" in text


class LikeInception(torch.nn.Module):
    """Called as NVIDIA's `inception-2015-12-05.pt` is; gives what it is fed."""

    def forward(self, x, return_features: bool = False, use_fp16: bool = False, no_output_bias: bool = False):
        assert return_features
        return x.flatten(1)


class LikeI3D(torch.nn.Module):
    """As StyleGAN-V's `i3d_torchscript.pt`."""

    def forward(self, x, rescale: bool = False, resize: bool = False, return_features: bool = False):
        assert rescale
        assert resize
        assert return_features
        return x.flatten(1)


class LikeVGG16(torch.nn.Module):
    """As NVIDIA's `vgg16.pt`."""

    def forward(self, x, resize_images: bool = True, return_features: bool = False, return_lpips: bool = False):
        assert return_lpips
        assert not resize_images
        return x.flatten(1)


@pytest.mark.parametrize(
    ("name", "double"),
    [("inception-2015-12-05", LikeInception()), ("i3d-kinetics-400", LikeI3D()), ("lpips-vgg16", LikeVGG16())],
)
def test_networks_of_the_catalogue_are_called_and_fed_as_their_makers_do(tmp_path, monkeypatch, name, double):
    path = save(double, tmp_path / "given.pt", None)
    entry = next(entry for entry in CATALOGUE if entry.name == name)
    entry = replace(entry, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(catalogue, "CATALOGUE", (entry,))
    given = pictures(clip=16 if entry.kind == "clips" else None)
    extractor = open_extractor(entry.kind, path)
    assert extractor.name == name
    np.testing.assert_array_equal(extractor(given), np.moveaxis(given, -1, 1).reshape(len(given), -1))  # 0...255, RGB


def test_faces_are_fed_as_insightface_does():
    spec = entries("faces")[0].spec
    fed = prepare(torch.from_numpy(pictures(side=112)[:, :, :112]), spec).numpy()
    np.testing.assert_allclose(fed, np.moveaxis(pictures(side=112)[:, :, :112] / 127.5 - 1, -1, 1), atol=1e-6)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_specifications_of_the_catalogue_could_be_given_as_files(tmp_path, entry):
    values = json.loads(entry.spec.canonical) | {"batch": entry.spec.batch}
    (tmp_path / "net.json").write_text(json.dumps(values))
    assert read_spec(tmp_path / "net.json", entry.kind) == entry.spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[]", "must hold an object"),
        ('{"color": "RGB", "range": [0, 1]}', "'size' is missing"),
        ('{"size": 8, "range": [0, 1]}', "'color' is missing"),
        ('{"size": 8, "color": "RGB"}', "'range' is missing"),
        *((json.dumps(PLAIN | {key: value}), f"{key}' must be") for key, value in (
            ("size", 0), ("size", 8.5), ("size", True), ("color", "rgb"), ("range", [0]), ("range", [1, 1]),
            ("range", ["0", 1]), ("mean", [1, 2]), ("std", [1, 0, 1]), ("layout", "NCTHW"), ("layout", ["NCHW"]),
            ("batch", 0), ("arguments", [1]), ("arguments", {"a": [1]}), ("columns", [3, 3]), ("columns", [0.5, 2]),
            ("license", 5))),
        (json.dumps(PLAIN | {"mean": [0, 0, float("nan")]}), "mean' must be"),
        (json.dumps(PLAIN | {"colour": "RGB"}), "no key 'colour'"),
    ],
)  # fmt: skip
def test_specifications_are_checked(tmp_path, text, message):
    path = save(Channels(), tmp_path / "net.pt", None)
    with pytest.raises(EmoError, match=r"net\.json is missing"):
        open_extractor("frames", path)
    path.with_suffix(".json").write_text(text)
    with pytest.raises(EmoError, match=f"net.json.*{message}"):
        open_extractor("frames", path)
