"""What the page keeps of a video while it is made: a few frames that spread over it, and the newest."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from emo.media.image import shrunk

CELL, MOST = 96, 18
SHOWN = 512  # pixels of the newest frame's longer side


@dataclass(frozen=True)
class Clip:
    """The video so far, after another clip: the newest frame, at most SHOWN pixels a side, and the kept ones."""

    newest: Image.Image
    kept: tuple[Image.Image, ...]
    num_frames: int


class FramesSoFar:
    """The newest frame, and up to MOST small ones that spread over all so far, however many these are.

    No other frame is shrunk. count: all so far.
    """

    def __init__(self):
        self._kept: list[Image.Image] = []
        self._stride, self.count = 1, 0

    def add(self, frame: np.ndarray) -> None:
        """Take the next frame, RGB uint8 (H, W, 3)."""
        if self.count % self._stride == 0:
            self._kept.append(shrunk(Image.fromarray(frame), CELL))
        self.count += 1
        if len(self._kept) > MOST:
            self._kept, self._stride = self._kept[::2], self._stride * 2

    def clip(self, newest: np.ndarray) -> Clip:
        """All so far, of which `newest` is the last that was added."""
        return Clip(shrunk(Image.fromarray(newest), SHOWN), tuple(self._kept), self.count)
