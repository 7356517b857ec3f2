"""Lids that close for a moment."""

import numpy as np

SHUT = (0.02, 0.06)  # seconds before and after the middle of a blink for which they are closed
CLOSING = 0.07  # seconds in which lids fall, and rise


def one_blink(time: np.ndarray, at: float, shut: float) -> np.ndarray:
    """Lids at seconds (T,), 0 open ... 1 closed, that are closed for `shut` seconds before and after `at`."""
    return np.clip(1.25 - np.maximum(np.abs(time - at) - shut, 0) / CLOSING, 0, 1)
