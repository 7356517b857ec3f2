"""Training data: synthetic clips, the dataset format, the loader and its cache. Imported when first asked for."""

import importlib

_EXPORTS = {
    "Batch": "emo.data.batch",
    "ClipDataset": "emo.data.dataset",
    "ClipInfo": "emo.data.format",
    "Sound": "emo.data.batch",
    "StepSampler": "emo.data.sampler",
    "SyntheticConfig": "emo.data.synthetic.config",
    "build_cache": "emo.data.cache",
    "cache_folder": "emo.data.cache",
    "check_cache": "emo.data.cache",
    "inspect_dataset": "emo.data.inspect",
    "synthesize_dataset": "emo.data.synthesize",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str):
    if name not in _EXPORTS:
        raise AttributeError(f"module 'emo.data' has no attribute {name!r}")
    return getattr(importlib.import_module(_EXPORTS[name]), name)
