"""Tiny networks, built once; tests that change a network build their own."""

import pytest
import torch
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from tiny_unets import backbone_inputs, tiny_backbone, tiny_reference_net

from emo.unets import BackboneUNet, ReferenceNet


@pytest.fixture(scope="session")
def backbone() -> BackboneUNet:
    """Every zero-initialised tensor filled; do not change it."""
    return tiny_backbone().requires_grad_(False)


@pytest.fixture(scope="session")
def reference_net() -> ReferenceNet:
    return tiny_reference_net().requires_grad_(False)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads only cost time at these sizes, most of all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def inputs(backbone, reference_net) -> dict:
    """All of the backbone's arguments."""
    return backbone_inputs(backbone, reference_net)


@pytest.fixture
def restore_attention_backend():
    """`set_attention_backend` on one model changes diffusers' active backend for the whole process."""
    before = _AttentionBackendRegistry._active_backend
    yield
    _AttentionBackendRegistry.set_active_backend(before)
