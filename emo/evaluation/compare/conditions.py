"""Under what conditions a comparison was made: what its videos are, and with which versions they were measured."""

import importlib.metadata
from collections.abc import Iterable, Sequence
from typing import Any

from emo import __version__
from emo.evaluation.compare.measured import MeasuredVideo
from emo.evaluation.compare.run import Comparison, Plan

LIBRARIES = ("torch", "mediapipe", "numpy")


def conditions(plan: Plan, comparison: Comparison) -> dict[str, Any]:
    """What to know before two comparisons' numbers are put side by side, for JSON."""
    generated = [comparison.videos[pair.generated] for pair in plan.pairs if pair.generated in comparison.videos]
    real = [comparison.videos[path] for path in plan.references if path in comparison.videos]
    return {
        "generated": _videos(generated),
        "reference": _videos(real),
        "pairs": sum(pair.reference is not None for pair in plan.pairs),
        "portraits": sum(pair.portrait is not None for pair in plan.pairs),
        "versions": {"emo": __version__} | {name: _version(name) for name in LIBRARIES},
        "device": plan.device.partition(":")[0],
    }


def _videos(videos: Sequence[MeasuredVideo]) -> dict[str, Any]:
    """Number, sizes, rates and lengths; each size and rate once."""

    def once(values: Iterable[str]) -> list[str]:
        return sorted(set(values))

    return {
        "count": len(videos),
        "frames": sum(video.num_frames for video in videos),
        "seconds": round(float(sum(video.num_frames / video.fps for video in videos)), 2),
        "sizes": once(f"{video.width}x{video.height}" for video in videos),
        "fps": once(f"{float(video.fps):g}" for video in videos),
        "with sound": sum(video.has_audio for video in videos),
    }


def _version(library: str) -> str:
    """Of what is installed."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ""
