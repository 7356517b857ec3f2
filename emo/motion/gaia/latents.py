"""Motion latents as frames of a motion: a column for every number of z_m."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from emo.motion.space import MIN_DEVIATION, Column, MotionSpace


def latent_space(shape: Sequence[int]) -> MotionSpace:
    """Of z_m (L_m, h, w), flattened channel by channel."""
    channels, height, width = shape
    names = [f"z{c}_{y}_{x}" for c in range(channels) for y in range(height) for x in range(width)]
    return MotionSpace(tuple(Column(name, "learned") for name in names), {"latent": tuple(names)})


def measured_latents(space: MotionSpace, values: Tensor) -> MotionSpace:
    """The space with each column's mean over values (N, D), and one deviation for all of them: where nothing moves,
    nothing is made of noise, and the squared error is the latents' own (eq. 10)."""
    mean = values.mean(0)
    deviation = max(float((values - mean).square().mean().sqrt()), MIN_DEVIATION)
    columns = zip(space.columns, mean.tolist(), strict=True)
    return replace(space, columns=tuple(replace(c, mean=m, deviation=deviation) for c, m in columns))
