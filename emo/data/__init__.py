"""Training data: synthetic clips, the dataset format, the loader and its cache. Imported when first asked for."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emo.data.batch import Batch, Sound
    from emo.data.cache import CachedFeature, cache_path, check_cache
    from emo.data.dataset import ClipDataset, ClipSampler, SampledClips
    from emo.data.encode import build_cache
    from emo.data.format import ClipInfo
    from emo.data.inspect import inspect_dataset
    from emo.data.reader import ClipReader
    from emo.data.sampler import StepSampler
    from emo.data.samples.emo import EMOSampler
    from emo.data.samples.emo_features import emo_features
    from emo.data.synthesize import synthesize_dataset
    from emo.data.synthetic.config import SyntheticConfig

_EXPORTS = {
    "Batch": "emo.data.batch",
    "CachedFeature": "emo.data.cache",
    "ClipDataset": "emo.data.dataset",
    "ClipInfo": "emo.data.format",
    "ClipReader": "emo.data.reader",
    "ClipSampler": "emo.data.dataset",
    "EMOSampler": "emo.data.samples.emo",
    "SampledClips": "emo.data.dataset",
    "Sound": "emo.data.batch",
    "StepSampler": "emo.data.sampler",
    "SyntheticConfig": "emo.data.synthetic.config",
    "build_cache": "emo.data.encode",
    "cache_path": "emo.data.cache",
    "check_cache": "emo.data.cache",
    "emo_features": "emo.data.samples.emo_features",
    "inspect_dataset": "emo.data.inspect",
    "synthesize_dataset": "emo.data.synthesize",
}

__all__ = [
    "Batch",
    "CachedFeature",
    "ClipDataset",
    "ClipInfo",
    "ClipReader",
    "ClipSampler",
    "EMOSampler",
    "SampledClips",
    "Sound",
    "StepSampler",
    "SyntheticConfig",
    "build_cache",
    "cache_path",
    "check_cache",
    "emo_features",
    "inspect_dataset",
    "synthesize_dataset",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'emo.data' has no attribute {name!r}")
    return getattr(importlib.import_module(_EXPORTS[name]), name)
