"""Rectangles of pictures as networks take them in, as MediaPipe's ImageToTensor cuts them."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Roi:
    """A rectangle about a face that may be turned.

    Attributes:
        x: its center across, in pixels of the picture.
        y: its center down.
        width: in pixels.
        height: in pixels.
        rotation: radians, clockwise in the picture.
    """

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0

    @classmethod
    def whole(cls, height: int, width: int) -> "Roi":
        """All of a picture."""
        return cls(width / 2, height / 2, width, height)

    def widened(self, height: int, width: int) -> "Roi":
        """The smallest one about it with the aspect ratio width : height."""
        aspect = height / width
        if aspect > self.height / self.width:
            return Roi(self.x, self.y, self.width, self.width * aspect, self.rotation)
        return Roi(self.x, self.y, self.height / aspect, self.height, self.rotation)

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Points (n, 2 or 3), 0 to 1 across and down the rectangle -> pixels of the picture; z has the scale of x."""
        across, down = (points[:, 0] - 0.5) * self.width, (points[:, 1] - 0.5) * self.height
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        placed = [cos * across - sin * down + self.x, sin * across + cos * down + self.y]
        return np.stack([*placed, *(points[:, 2:].T * self.width)], 1).astype(np.float32)


def sampled(
    picture: np.ndarray, roi: Roi, size: tuple[int, int], low: float = 0.0, *, repeat_border: bool = False
) -> np.ndarray:
    """What a rectangle shows, (height, width, 3) float32 from `low` to 1.

    Args:
        picture: uint8 (h, w, 3) RGB.
        roi: where in it; it may reach over the border.
        size: height and width of the result.
        low: what black becomes.
        repeat_border: whether the border goes on beyond it; else there is black.
    """
    import cv2

    height, width = size
    corners = cv2.boxPoints(((roi.x, roi.y), (roi.width, roi.height), math.degrees(roi.rotation)))
    targets = np.array([(0, height), (0, 0), (width, 0), (width, height)], np.float32)
    cut = cv2.warpPerspective(
        picture,
        cv2.getPerspectiveTransform(corners, targets),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if repeat_border else cv2.BORDER_CONSTANT,
    )
    return cut.astype(np.float32) * np.float32((1 - low) / 255) + np.float32(low)
