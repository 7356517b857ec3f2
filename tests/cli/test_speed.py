"""Where a pipeline's weights lie, as what, and what of it is compiled."""

import argparse

import numpy as np
import pytest
import torch
from diffusers.hooks import apply_group_offloading
from diffusers.models.modeling_utils import ModelMixin
from skimage.data import astronaut
from tiny import noise, tiny_pipeline, tiny_vasa

from emo.cli import speed
from emo.cli.speed import settle
from emo.errors import EmoError, OptionError

PLAIN = {"offload": None, "storage": None, "compile": False, "fast_decoder": None}


def settled(pipe, **options):
    settle(pipe, argparse.Namespace(**{**PLAIN, **options}), "cpu")
    return pipe


def frames(pipe, **options) -> np.ndarray:
    generator = torch.Generator().manual_seed(0)
    options = {"num_inference_steps": 2, "output_type": "np", **options}
    return pipe(astronaut(), noise(0.3), generator=generator, **options).frames


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    return frames(settled(tiny_pipeline()))


def test_weights_in_8_bits_take_half_and_draw_nearly_the_same(plain):
    pipe = settled(tiny_pipeline(), storage="float8")
    kinds = {name: p.dtype for name, p in pipe.unet.named_parameters()}
    assert kinds["mid_block.resnets.0.conv1.weight"] == torch.float8_e4m3fn
    assert kinds["mid_block.resnets.0.norm1.weight"] == torch.float32
    assert pipe.unet.dtype == torch.float32
    small = frames(pipe)
    assert 0 < np.abs(small - plain).mean() < 0.02
    np.testing.assert_array_equal(frames(pipe), small)
    rounded = tiny_pipeline()
    for network, of in ((rounded.unet, pipe.unet), (rounded.reference_unet, pipe.reference_unet)):
        network.load_state_dict({name: tensor.float() for name, tensor in of.state_dict().items()})
    np.testing.assert_array_equal(frames(rounded), small)


@pytest.mark.parametrize("storage", [None, "float8"])
def test_layers_that_come_when_their_turn_comes_draw_the_same(tmp_path, monkeypatch, storage):
    """Every network's weights in files in the place of a CPU's memory, so that what was not brought is not there."""
    expected = frames(settled(tiny_pipeline(), storage=storage), speed=0.5)
    monkeypatch.setattr(ModelMixin, "enable_group_offload", lambda part, **how: to_files(part, tmp_path, **how))
    pipe = settled(tiny_pipeline(), storage=storage, offload="group")
    assert len(list(tmp_path.glob("BackboneUNet/*"))) > 20
    np.testing.assert_array_equal(frames(pipe, speed=0.5), expected)


def to_files(part, folder, **how):
    apply_group_offloading(part, **{**how, "offload_to_disk_path": str(folder / type(part).__name__)})


def test_a_cache_works_on_weights_in_8_bits():
    pipe = settled(tiny_pipeline(), storage="float8")
    reuse = {"num_inference_steps": 6, "cache_interval": 2, "guidance_every": 3}
    np.testing.assert_array_equal(frames(pipe, **reuse), frames(pipe, **reuse))


@pytest.mark.parametrize("options", [{}, {"cache_interval": 2}], ids=["plain", "cache"])
def test_compiled_blocks_draw_the_same(plain, monkeypatch, tmp_path, options):
    """Without generating code, which takes minutes; every block is one graph all the same."""
    graphs, compiled = [], torch.compile
    trace = lambda graph, inputs: graphs.append(graph) or graph.forward
    monkeypatch.setattr(torch, "compile", lambda function, **how: compiled(function, **how, backend=trace))
    monkeypatch.setenv("EMO_CACHE", str(tmp_path))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    torch._dynamo.reset()
    options = {"num_inference_steps": 5, **options}
    expected = frames(tiny_pipeline(), **options)
    with torch._dynamo.config.patch(recompile_limit=1):
        pipe = settled(tiny_pipeline(), compile=True)
        np.testing.assert_allclose(frames(pipe, **options), expected, atol=1e-5)
    assert len(graphs) > 4
    assert speed.os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "compiled")


def test_without_a_compiler_one_line_says_so(monkeypatch, tmp_path):
    def broken(function, **how):
        def run(*inputs):
            raise RuntimeError("no g++ here\nlong story")

        return run

    monkeypatch.setattr(torch, "compile", broken)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    with pytest.raises(EmoError, match=r"^--compile: torch cannot compile here \(no g\+\+ here\)"):
        settled(tiny_pipeline(), compile=True)


@pytest.mark.parametrize("other", [{"storage": "float8"}, {"offload": "group"}])
def test_what_moves_weights_about_is_not_compiled(other):
    with pytest.raises(OptionError, match="goes with neither"):
        settled(None, compile=True, **other)


@pytest.mark.parametrize(
    "options", [{"storage": "float8"}, {"offload": "group"}, {"compile": True}, {"fast_decoder": "somewhere"}]
)
def test_other_systems_refuse(options):
    with pytest.raises(OptionError, match="is for EMO's models"):
        settled(tiny_vasa(), **options)
