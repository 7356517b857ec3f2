"""Random pictures, landmarks and sound, where what they show does not matter."""

import numpy as np


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples)


def clip(frames: int, side: int = 80, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random frames, and landmarks that drift across them."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (frames, 8, 8, 3), np.uint8)
    landmarks = rng.uniform(-15, 15, (478, 3)) + np.linspace(30, 50, frames)[:, None, None]
    return patches.repeat(side // 8, 1).repeat(side // 8, 2), landmarks
