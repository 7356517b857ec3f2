"""What frozen networks make of every clip, made once and kept beside the dataset."""

from collections.abc import Mapping
from pathlib import Path

from accelerate import Accelerator
from tqdm import tqdm

from emo.data import CachedFeature, build_cache, cache_path

NO_PICTURES = 0  # pixels of the frames, which are not read


def cached_features(
    root: str, features: Mapping[str, CachedFeature], accelerator: Accelerator, size: int = NO_PICTURES
) -> Path:
    """The cache of a dataset's features, filled where clips lack it; all processes call this.

    Args:
        root: the dataset.
        features: by name.
        accelerator: whose main process fills it.
        size: pixels to which frames are scaled that features are made of.

    Raises:
        DatasetError: the dataset is damaged.
        OutputError: the cache cannot be written, or somebody else is writing it.
    """
    with accelerator.main_process_first():
        made = build_cache(root, features, size)
        for _ in tqdm(made, "features", unit="clip", disable=not accelerator.is_main_process, dynamic_ncols=True):
            pass
    return cache_path(root, features, size)
