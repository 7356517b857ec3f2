"""The tiny pipeline as a folder to start from."""

from pathlib import Path

import pytest
import torch
from random_clips import saved_pipeline


@pytest.fixture(scope="session")
def init(tmp_path_factory) -> Path:
    """A pipeline folder in which no layer is at its zero start."""
    return saved_pipeline(tmp_path_factory.mktemp("pipeline") / "tiny")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads only cost time at these sizes, most of all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
