"""Boxes around faces."""

from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A rectangle in a picture. Pixel i covers [i, i + 1].

    Attributes:
        x0: its left side, in pixels.
        y0: its upper side.
        x1: its right side.
        y1: its lower side.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Its extent across."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Its extent down."""
        return self.y1 - self.y0

    @property
    def side(self) -> float:
        """The longer of width and height."""
        return max(self.width, self.height)

    @property
    def area(self) -> float:
        """In square pixels."""
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        """x and y of its middle."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies in it or on its border."""
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def scaled(self, scale: float) -> "Box":
        """The box with its sides times `scale`, about its center."""
        x, y = self.center
        across, down = self.width / 2, self.height / 2
        return Box(x - scale * across, y - scale * down, x + scale * across, y + scale * down)

    def in_resized(self, scale: float) -> "Box":
        """The same box in a picture that is `scale` times as large."""
        return Box(self.x0 * scale, self.y0 * scale, self.x1 * scale, self.y1 * scale)


def landmark_box(landmarks: np.ndarray) -> Box:
    """The box around a face's landmarks (478, 3), in their pixels."""
    return Box(*map(float, landmarks[:, :2].min(0)), *map(float, landmarks[:, :2].max(0)))


def mask_box(mask: np.ndarray) -> Box:
    """The box around a mask's white pixels, bool (h, w), at least one of them white."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
