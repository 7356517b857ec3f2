"""A fixture for folders of tests whose networks are small: import it in their conftest."""

import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads only cost time at these sizes, most of all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
