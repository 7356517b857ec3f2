"""Frames of which nothing is known, between those of which something is."""

import numpy as np


def fill_gaps(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Linear between known frames, and as the nearest one before the first and after the last.

    Args:
        values: (T, ...), anything where they are not known.
        known: (T,) bool, at least one of them.

    Returns:
        (T, ...), float64.
    """
    frames, there = np.arange(len(values)), np.flatnonzero(known)
    columns = values.reshape(len(values), -1).T
    return np.stack([np.interp(frames, there, column[there]) for column in columns], 1).reshape(values.shape)
