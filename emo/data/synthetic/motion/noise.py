"""Smooth noise, of which everything that moves without a reason is made."""

import numpy as np


def smooth_noise(rng: np.random.Generator, frames: int, hertz: float, fps: float) -> np.ndarray:
    """Smooth noise of unit size (T,): five sines around `hertz` with random phases."""
    time = np.arange(frames) / fps
    rate, phase = hertz * rng.uniform(0.5, 1.5, 5), rng.uniform(0, 2 * np.pi, 5)
    return (np.sin(2 * np.pi * rate * time[:, None] + phase) * rng.normal(1, 0.3, 5)).sum(1) / np.sqrt(2.5)
