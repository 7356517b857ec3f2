"""The tiny pipeline as a folder to start from."""

from pathlib import Path

import pytest
from random_clips import saved_pipeline
from threads import one_thread  # noqa: F401 (a fixture)


@pytest.fixture(scope="session")
def init(tmp_path_factory) -> Path:
    """A pipeline folder in which no layer is at its zero start."""
    return saved_pipeline(tmp_path_factory.mktemp("pipeline") / "tiny")
