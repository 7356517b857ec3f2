"""A class of models and what is measured of them: each has a list of videos and of rows; all else is shared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.plan import EvalClip, EvaluationSize
from emo.evaluation.row import Row
from emo.motion import CONTROLS


@dataclass(frozen=True)
class Video:
    """A video of T frames before it is measured.

    Attributes:
        frames: (T, H, W, 3) uint8.
        pose: yaw, pitch and roll in degrees that were drawn, (T, 3); (0, 3) where no motion is drawn.
        controls: that were drawn, (T, 14); (0, 14) where a motion is in no named controls, or none is drawn.
    """

    frames: np.ndarray = field(repr=False)
    pose: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)), repr=False)
    controls: np.ndarray = field(default_factory=lambda: np.zeros((0, len(CONTROLS))), repr=False)


@dataclass(frozen=True)
class Family:
    """What is measured of one class of models; what makes its videos and rows is given the `Generator`.

    Attributes:
        options: of the command, those that not every family has.
        guidance: names of the pipeline's options that weigh guidance and are the command's, too.
        steps: denoising steps where none are asked for; None for the model's own.
        size: pixels of the videos where none are asked for; None for the model's own.
        plan: how much is measured, a generator, paths of real portraits by name -> all videos.
        maker: a generator -> what makes its videos.
        rows: the videos' measurements by name, how much was measured, a generator -> the table.
        on_sheet: what names of videos that are shown begin with, the first to be shown first.
    """

    options: tuple[str, ...]
    guidance: tuple[str, ...]
    steps: int | None
    size: int | None
    plan: Callable[[EvaluationSize, Any, Mapping[str, str]], list[EvalClip]]
    maker: Callable[[Any], Callable[[Any], Video]]
    rows: Callable[[Mapping[str, Observation], EvaluationSize, Any], list[Row]]
    on_sheet: tuple[str, ...]
