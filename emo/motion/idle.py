"""What a face does that neither speaks nor moves with a sound: it blinks, looks about, and is never quite still."""

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from emo.motion.lids import SHUT, one_blink
from emo.motion.noise import SmoothNoise
from emo.motion.space import CONTROLS

SWAY = {
    "yaw": (1.6, 0.10),
    "pitch": (0.9, 0.12),
    "roll": (0.8, 0.09),
    "tx": (0.004, 0.10),
    "ty": (0.003, 0.14),
    "scale": (0.003, 0.08),
    "brow": (0.05, 0.12),
    "smile": (0.04, 0.08),
}
"""How far each column swings, in its own unit, and around how many hertz."""

BLINKS = 3.6  # seconds from one blink to the next, by and large
LOOKS = 1.8  # seconds that the eyes stay at a place, by and large
AT_YOU = 0.75  # of these, at the camera; else somewhere near it
ASIDE = (0.3, 0.12)  # how far away at most, across and up
JUMP = 0.05  # seconds in which eyes go from place to place


class IdleMotion:
    """The motion of a face in silence, in the space of `CONTROLS`, of any length; lips are shut.

    Any frames can be asked for, in any order, so that whoever has to show a face while nothing is said, such as a
    server between two answers, needs to keep nothing but the time.

    Args:
        seed: of the person: same seed, same motion.
    """

    def __init__(self, seed: int = 0):
        self._seed = seed
        self._sway = {
            name: (size, SmoothNoise(np.random.default_rng((0x1D1E, seed, index)), hertz))
            for index, (name, (size, hertz)) in enumerate(SWAY.items())
        }

    def frames(self, start: int, stop: int, fps: Fraction | float) -> Tensor:
        """Frames `start ... stop - 1` at a rate, (stop - start, 14) float32."""
        return self.at((np.arange(start, stop) + 0.5) / float(fps))

    def at(self, times: np.ndarray) -> Tensor:
        """At seconds (T,), 0 or later, (T, 14) float32."""
        values = np.tile(CONTROLS.rest.double().numpy(), (len(times), 1))
        column = CONTROLS.names.index
        for name, (size, noise) in self._sway.items():
            values[:, column(name)] += size * noise(times)
        values[:, column("blink")] = self._blinks(times)
        values[:, column("gaze_x")], values[:, column("gaze_y")] = self._looks(times).T
        return torch.from_numpy(values).float()

    def _blinks(self, times: np.ndarray) -> np.ndarray:
        """Lids (T,): a blink in every stretch of BLINKS seconds, not at its ends."""
        shut = np.zeros(len(times))
        for cell in _cells(times, BLINKS, 0):
            rng = np.random.default_rng((0xB11, self._seed, cell))
            shut = np.maximum(shut, one_blink(times, (cell + rng.uniform(0.1, 0.9)) * BLINKS, rng.uniform(*SHUT)))
        return shut

    def _looks(self, times: np.ndarray) -> np.ndarray:
        """Where the eyes look (T, 2): they go on to another place once in every stretch of LOOKS seconds."""
        gaze = np.zeros((len(times), 2))
        for cell in _cells(times, LOOKS, 1):
            rng = np.random.default_rng((0x6A2E, self._seed, cell))
            at = (cell + rng.uniform(0.1, 0.9)) * LOOKS
            place = rng.normal(0, 0.02, 2) if rng.random() < AT_YOU else rng.uniform(-1, 1, 2) * ASIDE
            arrived = np.clip((times - at) / JUMP, 0, 1)[:, None]
            gaze += arrived * (place - gaze)
        return gaze


def _cells(times: np.ndarray, seconds: float, before: int) -> range:
    """The stretches of time, by number, that hold any of the moments, and so many before them."""
    if not len(times):
        return range(0)
    return range(max(0, int(times.min() // seconds) - before), int(times.max() // seconds) + 1)
