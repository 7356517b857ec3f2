"""`torch.compile`: the whole backbone is one graph, and a compiled one computes the same."""

import shutil

import pytest
import torch
from tiny_unets import assert_close, backbone_inputs, tiny_backbone, tiny_reference_net

from emo.unets import BackboneUNet

ONE_LEVEL = {"block_out_channels": (8,), "spatial_attention": (True,)}


def one_level() -> tuple[BackboneUNet, dict]:
    """The smallest backbone with every kind of layer, and all its inputs."""
    backbone = tiny_backbone(motion_num_attention_heads=2, **ONE_LEVEL).requires_grad_(False)
    torch._dynamo.reset()
    return backbone, backbone_inputs(backbone, tiny_reference_net(**ONE_LEVEL))


def test_the_backbone_is_one_graph():
    """Without generating code, which takes a minute at any size."""
    backbone, inputs = one_level()
    traced = torch.compile(backbone, fullgraph=True, backend="eager")
    assert_close(traced(**inputs), backbone(**inputs))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on CPU")
def test_a_compiled_backbone_gives_the_same_output():
    backbone, inputs = one_level()
    assert_close(torch.compile(backbone, fullgraph=True)(**inputs), backbone(**inputs))
