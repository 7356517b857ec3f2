"""Small random networks of real architectures, as files and folders."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file


@pytest.fixture(scope="session")
def swin2sr(tmp_path_factory) -> Path:
    """A folder of a Swin2SR that enlarges twice."""
    from transformers import Swin2SRConfig, Swin2SRForImageSuperResolution

    torch.manual_seed(0)
    config = Swin2SRConfig(
        image_size=16,
        embed_dim=12,
        depths=[1],
        num_heads=[2],
        window_size=4,
        upscale=2,
        upsampler="pixelshuffledirect",
    )
    folder = tmp_path_factory.mktemp("swin2sr") / "tiny-x2"
    Swin2SRForImageSuperResolution(config).save_pretrained(folder)
    return folder


@pytest.fixture
def spandrel(monkeypatch):
    """The library. Where torchvision does not go with this torch, two functions of it stand in that it imports for
    architectures which are none of the tests'.
    """
    pytest.importorskip("einops")
    try:
        import torchvision.transforms.functional  # noqa: F401
    except (ImportError, RuntimeError):
        functional = ModuleType("torchvision.transforms.functional")
        vars(functional).update(InterpolationMode=None, rotate=None, normalize=None)
        for name in ("torchvision", "torchvision.transforms"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        monkeypatch.setitem(sys.modules, "torchvision.transforms.functional", functional)
    return pytest.importorskip("spandrel")


@pytest.fixture
def compact(spandrel, tmp_path) -> Path:
    """A file of a Compact network (as realesr-general) that enlarges twice."""
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

    torch.manual_seed(0)
    network = SRVGGNetCompact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=2, upscale=2)
    path = tmp_path / "tiny-x2.safetensors"
    save_file(network.state_dict(), path)
    return path
