"""Motion that was drawn, as figures on tracks take it."""

from collections.abc import Sequence

import numpy as np
import torch

from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.rows import FPS
from emo.metrics.sequences import sequence_variance
from emo.motion import CONTROLS, MotionTrack
from emo.training.gohd.figures import MadeMotion


def drawn(video: Observation, name: str) -> np.ndarray:
    """A named control that was drawn, (T,)."""
    return video.controls[:, CONTROLS.names.index(name)]


def normalized(video: Observation, *parts: str) -> np.ndarray:
    """Columns of parts that were drawn, in deviations, (T, columns)."""
    return CONTROLS.normalize(torch.from_numpy(video.controls))[:, CONTROLS.index(*parts)].numpy()


def paired(made: Sequence[Observation], true: Sequence[Observation]) -> list[MadeMotion]:
    """Motions beside true ones."""

    def track(video: Observation) -> MotionTrack:
        return MotionTrack(torch.from_numpy(video.controls), FPS)

    return [MadeMotion(f"{n}", track(m), track(t)) for n, (m, t) in enumerate(zip(made, true, strict=True))]


def variance(videos: Sequence[Observation], *parts: str) -> float:
    """Mean variance over time of parts, in squared deviations."""
    return float(np.mean([sequence_variance(normalized(video, *parts)) for video in videos]))
