"""Tiny networks, built once; tests that change a network build their own."""

import pytest
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from threads import one_thread  # noqa: F401 (a fixture)
from tiny_unets import backbone_inputs, tiny_backbone, tiny_reference_net

from emo.unets import BackboneUNet, ReferenceNet


@pytest.fixture(scope="session")
def backbone() -> BackboneUNet:
    """Every zero-initialized tensor filled; do not change it."""
    return tiny_backbone().requires_grad_(False)


@pytest.fixture(scope="session")
def reference_net() -> ReferenceNet:
    return tiny_reference_net().requires_grad_(False)


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
