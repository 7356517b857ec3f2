"""Shared fixtures. `EMO_TEST_DATA` names an optional folder of real pictures, voices and videos."""

import os
from pathlib import Path

import pytest
from skimage.data import astronaut

DATA = Path(os.environ.get("EMO_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real test data; tests that ask for it are skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"real test data not found: {DATA} (set EMO_TEST_DATA)")
    return DATA


@pytest.fixture(scope="session")
def portrait():
    """A free photograph with one face: scikit-image's astronaut, uint8 (512, 512, 3)."""
    return astronaut()


@pytest.fixture
def attention_backend():
    """Restores diffusers' active attention backend, which `set_attention_backend` changes for the whole process."""
    from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry

    yield
    _AttentionBackendRegistry.set_active_backend(AttentionBackendName.NATIVE)
