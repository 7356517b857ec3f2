"""Training data: synthetic clips, the dataset format, the loader and its cache. Imported when first asked for."""

import importlib
from typing import TYPE_CHECKING

_EXPORTS = {
    "Batch": "emo.data.batch",
    "CachedFeature": "emo.data.features",
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
    "cache_path": "emo.data.features",
    "check_cache": "emo.data.cache",
    "emo_features": "emo.data.samples.emo_features",
    "extract_motion": "emo.data.motion_extract",
    "inspect_dataset": "emo.data.inspect",
    "synthesize_dataset": "emo.data.synthesize",
}

__all__ = sorted(_EXPORTS)  # pyright: ignore[reportUnsupportedDunderAll]


if TYPE_CHECKING:  # the same names, for editors and type checkers
    from emo.data.batch import Batch as Batch
    from emo.data.batch import Sound as Sound
    from emo.data.cache import check_cache as check_cache
    from emo.data.dataset import ClipDataset as ClipDataset
    from emo.data.dataset import ClipSampler as ClipSampler
    from emo.data.dataset import SampledClips as SampledClips
    from emo.data.encode import build_cache as build_cache
    from emo.data.features import CachedFeature as CachedFeature
    from emo.data.features import cache_path as cache_path
    from emo.data.format import ClipInfo as ClipInfo
    from emo.data.inspect import inspect_dataset as inspect_dataset
    from emo.data.motion_extract import extract_motion as extract_motion
    from emo.data.reader import ClipReader as ClipReader
    from emo.data.sampler import StepSampler as StepSampler
    from emo.data.samples.emo import EMOSampler as EMOSampler
    from emo.data.samples.emo_features import emo_features as emo_features
    from emo.data.synthesize import synthesize_dataset as synthesize_dataset
    from emo.data.synthetic.config import SyntheticConfig as SyntheticConfig
else:

    def __getattr__(name: str):
        if name not in _EXPORTS:
            raise AttributeError(f"module 'emo.data' has no attribute {name!r}")
        return getattr(importlib.import_module(_EXPORTS[name]), name)
