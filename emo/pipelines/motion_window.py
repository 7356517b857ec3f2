"""Windows of motion, as pipelines make them one after the other."""

from dataclasses import dataclass, field

from torch import Tensor

from emo.generation.clip import ClipState


@dataclass(frozen=True)
class MotionWindow:
    """Up to W frames of motion.

    Attributes:
        values: (n, D) float32 on the CPU, as a `MotionTrack` has them.
        state: from which the next window goes on.
    """

    values: Tensor = field(repr=False)
    state: ClipState = field(repr=False)
