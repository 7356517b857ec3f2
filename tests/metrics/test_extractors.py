import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from made_networks import PLAIN, Channels, pictures, save

from emo.errors import EmoError
from emo.metrics.extractors import MissingExtractor, open_extractor


class Clips(torch.nn.Module):
    """Means of the channels in every frame, of (N, 3, T, H, W)."""

    def forward(self, x, scale: float = 1.0, squared: bool = False):
        x = x.mean((3, 4)) * scale
        return x * x if squared else x


class Convolutions(torch.nn.Module):
    """Layers whose results would depend on the batch in training."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(32, 6),
        )  # fmt: skip
        self.layers[1].running_mean.uniform_(-1, 1)

    def forward(self, x):
        return self.layers(x)


def save_onnx(path: Path, *, batch: int | str = "N", outputs: int = 1, kind: int = 1) -> Path:
    """A convolution and a mean over the picture, (batch, 3, H, W) -> (batch, 4); its weights come back as well."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import helper, numpy_helper

    weights = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    value = helper.make_tensor_value_info
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("GlobalAveragePool", ["c"], ["y0"])]
    nodes = nodes if kind == onnx.TensorProto.FLOAT else [helper.make_node("Identity", ["x"], ["y0"])]
    nodes += [helper.make_node("Identity", ["y0"], [f"y{i}"]) for i in range(1, outputs)]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [value("x", kind, [batch, 3, "H", "W"])],
        [value(f"y{i}", kind, [batch, 4, 1, 1]) for i in range(outputs)],
        [numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    path.with_suffix(".json").write_text(json.dumps(PLAIN))
    return path


# What a network is fed.


@pytest.mark.parametrize(
    ("spec", "of"),
    [
        ({}, lambda v: v),
        ({"color": "BGR"}, lambda v: v[:, ::-1]),
        ({"range": [0, 1]}, lambda v: v / 255),
        ({"range": [-1, 1]}, lambda v: v / 127.5 - 1),
        ({"range": [1, 0]}, lambda v: 1 - v / 255),
        ({"range": [0, 1], "mean": [0.5, 0.4, 0.3], "std": [0.1, 0.2, 0.5]},
         lambda v: (v / 255 - [0.5, 0.4, 0.3]) / [0.1, 0.2, 0.5]),
        ({"color": "BGR", "mean": [1, 2, 3]}, lambda v: v[:, ::-1] - [1, 2, 3]),
        ({"columns": [1, 3]}, lambda v: v[:, 1:3]),
        ({"batch": 1}, lambda v: v),
    ],
)  # fmt: skip
def test_colors_are_what_the_specification_says(tmp_path, spec, of):
    network = open_extractor("frames", save(Channels(), tmp_path / "net.pt", PLAIN | spec))
    found = network(pictures())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, of(pictures().mean((1, 2))), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_axes_of_frames(tmp_path, layout):
    class Rows(torch.nn.Module):
        def forward(self, x):
            return x.mean((1, 3))  # of (N, C, H, W) the heights, of (N, H, W, C) the widths

    network = open_extractor("faces", save(Rows(), tmp_path / "net.ts", PLAIN | {"layout": layout}))
    np.testing.assert_allclose(network(pictures()), pictures().mean((3, 2 if layout == "NCHW" else 1)), rtol=1e-5)


@pytest.mark.parametrize(("layout", "channels", "frames"), [("NCTHW", 1, 2), ("NTCHW", 2, 1), ("NTHWC", 4, 1)])
@pytest.mark.parametrize("length", [16, 25])
def test_axes_of_clips(tmp_path, layout, channels, frames, length):
    class Times(torch.nn.Module):
        def __init__(self, axes: tuple[int, int], swapped: bool):
            super().__init__()
            self.axes, self.swapped = axes, swapped

        def forward(self, x):
            x = x.mean(self.axes)
            return x.transpose(1, 2) if self.swapped else x

    height, width = (axis for axis in range(1, 5) if axis not in (channels, frames))
    path = save(
        Times((height, width), channels < frames),
        tmp_path / "net.jit",
        PLAIN | {"layout": layout, "batch": 2, "size": 8},
    )
    clips = pictures(3, side=8, clip=length)[..., :8, :]
    found = open_extractor("clips", path)(clips)
    np.testing.assert_allclose(found.reshape(3, length, 3), clips.mean((2, 3)), rtol=1e-4)
    shrunk = open_extractor("clips", path)(clips.repeat(3, 2).repeat(3, 3))
    np.testing.assert_allclose(shrunk, found, rtol=0.03)


def test_arguments_reach_the_network(tmp_path):
    spec = PLAIN | {"arguments": {"scale": 0.5, "squared": True}}
    network = open_extractor("clips", save(Clips(), tmp_path / "net.pt", spec))
    clips = pictures(2, clip=16)
    expected = (clips.mean((2, 3)).transpose(0, 2, 1).reshape(2, -1) / 2) ** 2
    np.testing.assert_allclose(network(clips), expected, rtol=1e-4)


def test_pictures_are_averaged_when_they_shrink_and_any_shape_becomes_square(tmp_path):
    class Values(torch.nn.Module):
        def forward(self, x):
            return x.flatten(1)

    network = open_extractor("frames", save(Values(), tmp_path / "net.pt", PLAIN | {"size": 8}))
    stripes = np.zeros((1, 64, 96, 3), np.uint8)
    stripes[:, np.arange(64) % 8 // 2 == 1] = 200
    assert network(stripes).reshape(3, 8, 8)[:, 1:-1] == pytest.approx(50, abs=2)
    stripes = np.roll(stripes, 1, axis=1)  # to the middle of the new pixels, all that a sample would see
    assert network(stripes).reshape(3, 8, 8)[:, 1:-1] == pytest.approx(50, abs=2)
    same = pictures(2, side=8)[:, :, :8]
    np.testing.assert_array_equal(network(same), same.transpose(0, 3, 1, 2).reshape(2, -1))


# What comes out.


@pytest.mark.parametrize("kind", ["torchscript", "onnx", "onnx of 2"])
def test_features_do_not_depend_on_the_batch_nor_on_the_order(tmp_path, kind):
    given = pictures(9, side=17)
    found = []
    for batch in (1, 4, 16):
        spec = PLAIN | {"batch": batch}
        if kind == "torchscript":
            path = save(Convolutions(), tmp_path / "net.pt", spec)
        else:
            path = save_onnx(tmp_path / "net.onnx", batch=2 if kind == "onnx of 2" else "N")
            path.with_suffix(".json").write_text(json.dumps(spec))
        network = open_extractor("frames", path)
        assert network.batch == (2 if kind == "onnx of 2" else batch)
        found.append((network.fingerprint, network(given)))
        order = np.random.default_rng(1).permutation(9)
        np.testing.assert_allclose(network(given[order]), found[-1][1][order], rtol=1e-4, atol=1e-4)
        for _ in range(3):  # TorchScript would optimize by now
            np.testing.assert_array_equal(network(given), found[-1][1])
        np.testing.assert_allclose(np.concatenate([network(given[:5]), network(given[5:])]), found[-1][1], rtol=1e-4)
    assert len({fingerprint for fingerprint, _ in found}) == 1
    for _, features in found[1:]:
        np.testing.assert_allclose(features, found[0][1], rtol=1e-4, atol=1e-4)


def test_an_onnx_network_gives_what_it_should(tmp_path):
    path = save_onnx(tmp_path / "net.onnx")
    weights = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    x = torch.from_numpy(pictures()).movedim(-1, 1).float()
    expected = torch.nn.functional.conv2d(x, torch.from_numpy(weights)).mean((2, 3))
    np.testing.assert_allclose(open_extractor("faces", path)(pictures()), expected.numpy(), rtol=1e-4, atol=1e-3)
    for change, message in ((dict(outputs=2), "2 outputs"), (dict(kind=2), "float32.* not .*uint8")):
        with pytest.raises(EmoError, match=message):
            open_extractor("faces", save_onnx(tmp_path / "other.onnx", **change))
    path.with_suffix(".json").write_text(json.dumps(PLAIN | {"arguments": {"a": 1}}))
    with pytest.raises(EmoError, match="no further arguments"):
        open_extractor("faces", path)
    path.with_suffix(".json").write_text(json.dumps(PLAIN))
    with pytest.raises(EmoError, match="does not run on mps"):
        open_extractor("faces", path, device="mps")
    with pytest.raises(EmoError, match="does not take"):
        open_extractor("faces", path)(pictures(side=1))


def test_the_fingerprint_is_that_of_the_file_and_of_what_it_is_fed(tmp_path):
    path = save(Channels(), tmp_path / "net.pt")
    copy = tmp_path / "elsewhere.pt"
    copy.write_bytes(path.read_bytes())
    prints = []
    for spec in (PLAIN, PLAIN | {"batch": 3, "license": "MIT", "layout": "NCHW"}):
        copy.with_suffix(".json").write_text(json.dumps(spec))
        prints.append(open_extractor("frames", copy).fingerprint)
    assert prints == [open_extractor("frames", path).fingerprint] * 2
    for spec in ({"color": "BGR"}, {"size": 8}, {"range": [0, 1]}, {"mean": [1, 1, 1]}, {"columns": [0, 1]}):
        path.with_suffix(".json").write_text(json.dumps(PLAIN | spec))
        prints.append(open_extractor("frames", path).fingerprint)
    prints.append(open_extractor("frames", save(Convolutions(), tmp_path / "other.pt")).fingerprint)
    assert len(set(prints)) == 7
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in prints)


def test_wrong_pictures_and_wrong_networks_are_refused(tmp_path):
    network = open_extractor("frames", save(Channels(), tmp_path / "net.pt"))
    for wrong in (pictures() / 255, pictures()[0], pictures(clip=4), pictures()[..., :2], pictures()[:0]):
        with pytest.raises(EmoError, match=r"uint8 \(N, H, W, 3\)"):
            network(wrong)
    with pytest.raises(EmoError, match=r"uint8 \(N, T, H, W, 3\)"):
        open_extractor("clips", tmp_path / "net.pt")(pictures())

    class Total(torch.nn.Module):
        def forward(self, x):
            return x.mean(), x

    class Broken(torch.nn.Module):
        def forward(self, x):
            return x.flatten(1) / 0

    for module, message in ((Total(), "one tensor"), (Broken(), "not finite"), (torch.nn.Flatten(0, 1), "a row each")):
        with pytest.raises(EmoError, match=message):
            open_extractor("frames", save(module, tmp_path / "net.pt"))(pictures())
    with pytest.raises(EmoError, match=r"gives 3 numbers, not columns 2 to 9"):
        open_extractor("frames", save(Channels(), tmp_path / "net.pt", PLAIN | {"columns": [2, 9]}))(pictures())
    with pytest.raises(EmoError, match=r"net\.pt does not take what it is fed .*channels"):
        open_extractor("frames", save(Convolutions(), tmp_path / "net.pt", PLAIN | {"layout": "NHWC"}))(pictures())
    torch.save({"weight": torch.zeros(1)}, tmp_path / "net.pt")
    with pytest.raises(EmoError, match="not one of weights alone"):
        open_extractor("frames", tmp_path / "net.pt")
    pytest.importorskip("onnxruntime")
    (tmp_path / "net.onnx").write_bytes(b"no network")
    with pytest.raises(EmoError, match="cannot be loaded as ONNX"):
        open_extractor("frames", tmp_path / "net.onnx")


def test_choices_that_are_none(tmp_path):
    with pytest.raises(EmoError, match="kind 'face'; kinds are frames, clips"):
        open_extractor("face")
    with pytest.raises(EmoError, match=r"auraface-v1, or a file that ends in \.pt"):
        open_extractor("faces", "arcface")
    with pytest.raises(EmoError, match="is no network for features of clips"):
        open_extractor("clips", "inception-2015-12-05")
    with pytest.raises(MissingExtractor, match="does not exist"):
        open_extractor("frames", tmp_path / "none.pt")
    for choice in ("auto", None):
        with pytest.raises(MissingExtractor, match=r"expression parameters .* give the path"):
            open_extractor("expressions", choice)


def test_without_onnxruntime_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "net.onnx").write_bytes(b"any")
    (tmp_path / "net.json").write_text(json.dumps(PLAIN))
    for choice in (tmp_path / "net.onnx", "auraface-v1"):
        with pytest.raises(MissingExtractor, match="pip install onnxruntime"):
            open_extractor("faces", choice, fetch=False)
