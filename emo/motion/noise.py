"""Smooth noise, of which everything that moves without a reason is made."""

import numpy as np


class SmoothNoise:
    """Smooth noise of unit size over time without end: five sines with random phases.

    Args:
        rng: of the sines.
        hertz: around which they swing.
    """

    def __init__(self, rng: np.random.Generator, hertz: float):
        self._rate, self._phase = hertz * rng.uniform(0.5, 1.5, 5), rng.uniform(0, 2 * np.pi, 5)
        self._size = rng.normal(1, 0.3, 5)

    def __call__(self, time: np.ndarray) -> np.ndarray:
        """At seconds (T,), (T,)."""
        return (np.sin(2 * np.pi * self._rate * time[:, None] + self._phase) * self._size).sum(1) / np.sqrt(2.5)


def smooth_noise(rng: np.random.Generator, frames: int, hertz: float, fps: float) -> np.ndarray:
    """`SmoothNoise` of frames from its beginning, (frames,)."""
    return SmoothNoise(rng, hertz)(np.arange(frames) / fps)
