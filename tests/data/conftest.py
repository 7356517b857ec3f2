"""A tiny synthetic dataset, drawn once; and one made by hand."""

from pathlib import Path

import pytest
from made_clips import CLIPS, CONFIG, made_dataset

from emo.data.synthesize import synthesize_dataset


@pytest.fixture(scope="session")
def avatars(tmp_path_factory) -> Path:
    """Clips of avatars by `CONFIG`. Do not change it."""
    root = tmp_path_factory.mktemp("avatars") / "dataset"
    assert list(synthesize_dataset(CONFIG, CLIPS, root, workers=1, compile=False)) == list(range(CLIPS + 1))
    return root


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Path:
    """Seven clips of 64 x 48 pixels: two of train are short and one is silent, one is in test. Do not change it."""
    root = tmp_path_factory.mktemp("clips") / "dataset"
    rows = [{"frames": 20}, {"frames": 16}, {"frames": 4}, {"frames": 18, "sound": False}, {"frames": 1}]
    rows += [{"frames": 17, "fps": 29.97}, {"frames": 20, "split": "test"}]
    made_dataset(root, *(row | {"width": 64, "height": 48} for row in rows))
    return root
