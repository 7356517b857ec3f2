"""What may be computed of every clip once and kept: each feature by its name, and where their cache lies.

A cache belongs to the weights that made it: its folder is named after their fingerprint.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from emo.data.cache import FOLDER
from emo.data.reader import ClipReader
from emo.generation.fingerprint import modules_fingerprint


@dataclass(frozen=True)
class CachedFeature:
    """One thing that is computed of every clip.

    Attributes:
        modules: the networks that it depends on, by name.
        compute: from a reader and the number of a clip its values, (T, ...) on the CPU, or None where the clip has
            not what they are made of.
    """

    modules: Mapping[str, nn.Module]
    compute: Callable[[ClipReader, int], Tensor | None]


def cache_path(root: str | Path, features: Mapping[str, CachedFeature], size: int) -> Path:
    """Where the cache of these features is, or would be.

    Args:
        root: the dataset.
        features: by name.
        size: pixels at which frames are read.
    """
    modules = {name: module for feature in features.values() for name, module in feature.modules.items()}
    return Path(root) / FOLDER / f"{modules_fingerprint(modules)}-{size}"
