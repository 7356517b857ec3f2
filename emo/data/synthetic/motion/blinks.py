"""Lids that close for a moment, in pauses of speech more often than within it."""

import numpy as np

from emo.motion.lids import SHUT, one_blink

RATES = (8.0, 35.0)  # blinks per minute
APART = 0.5  # seconds, at least
MARGIN = 0.08  # seconds by which a pause reaches into the speech around it


def blink_in_pauses(rng: np.random.Generator, speaking: np.ndarray, coupling: float, fps: float) -> np.ndarray:
    """Lids (T,), 0 open ... 1 closed.

    Blinks come at a rate that is drawn, in even but for chance steps of a clock. With `coupling` 0 it goes evenly;
    with 1 it stands still while somebody speaks, and goes faster in the pauses.

    Args:
        rng: of the blinks.
        speaking: (T,) bool.
        coupling: 0 ... 1.
        fps: frames per second.
    """
    reach = round(MARGIN * fps)
    pause = np.convolve(np.pad(~speaking, reach, mode="edge"), np.ones(2 * reach + 1), "valid") > 0
    share = pause.mean()
    pace = 1 - coupling + coupling * pause / share if 0 < share < 1 else np.ones(len(speaking))
    clock = np.cumsum(pace) / fps
    every = 60 / rng.uniform(*RATES)
    time, blink = np.arange(len(speaking)) / fps, np.zeros(len(speaking))
    due, last = rng.uniform(0, every), -APART
    while due < clock[-1]:
        at = float(np.interp(due, clock, time))
        if at - last >= APART:
            blink = np.maximum(blink, one_blink(time, at, rng.uniform(*SHUT)))
            last = at
        due += every * rng.uniform(0.4, 1.6)
    return blink
