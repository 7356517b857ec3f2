"""Heads that turn at just the commanded mean speed (paper: section 3.2.5, Table 2)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.motion.noise import smooth_noise
from emo.motion.rotation import rotation_speed_of_angles

LIMITS = (20.0, 12.0, 10.0)  # degrees: yaw, pitch, roll
MAX_SPEED = 2.5  # degrees per frame that the limits allow without haste
MAX_TRIALS = 8  # swings, each faster than the one before


@dataclass(frozen=True)
class Swing:
    """A head that swings about its rest, by a width that is still to be found.

    Attributes:
        limits: (3,) degrees of yaw, pitch, roll that are never passed.
        rest: (3,) or (T, 3) degrees.
        swing: (T, 3) degrees, of width 1.
        commanded: mean speed, which a single frame has.
    """

    limits: np.ndarray
    rest: np.ndarray
    swing: np.ndarray
    commanded: float

    def angles(self, width: float) -> tuple[Tensor, Tensor, Tensor]:
        """Yaw, pitch, roll (T,) in degrees."""
        bounded = self.limits * np.tanh((self.rest + width * self.swing) / self.limits)
        yaw, pitch, roll = (torch.tensor(bounded[:, axis], dtype=torch.float32) for axis in range(3))
        return yaw, pitch, roll

    def speed(self, width: float) -> float:
        """Mean rotation speed in degrees per frame."""
        if len(self.swing) < 2:
            return self.commanded
        return float(rotation_speed_of_angles(*self.angles(width)).mean())

    def width_at_speed(self, enough: float) -> float:
        """The width that has just the commanded speed, by bisection between 0 and `enough`."""
        low, high = 0.0, enough
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if self.speed(middle) < self.commanded else (low, middle)
        return low if self.commanded == 0 else high


def turn_at_random(rng: np.random.Generator, frames: int, speed: float, fps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Smooth yaw, pitch, roll (T,) within LIMITS with just the mean speed."""
    head, enough = fast_enough(rng, frames, speed, fps)
    return head.angles(head.width_at_speed(enough))


def fast_enough(rng: np.random.Generator, frames: int, speed: float, fps: float) -> tuple[Swing, float]:
    """A swing, and a width at which it has the speed or more: faster swings, should LIMITS not leave enough room."""
    limits = np.array(LIMITS)
    rest = limits * np.clip(rng.normal(0, 0.25, 3), -0.6, 0.6)
    share = limits * rng.uniform((0.7, 0.4, 0.2), (1.0, 0.9, 0.7))
    hertz = np.clip(speed * fps / 40, 0.12, 1.2) * rng.uniform(0.8, 1.25)
    trials = 0
    while True:
        trials += 1
        swing = np.stack([smooth_noise(rng, frames, hertz, fps) for _ in range(3)], 1) * share
        head = Swing(limits, rest, swing, speed)
        width = 1.0
        while head.speed(width) < speed and width < 4:
            width *= 1.5
        if head.speed(width) >= speed or trials == MAX_TRIALS:
            return head, width
        hertz *= 1.3
