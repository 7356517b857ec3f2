"""What the page keeps of a video while it is made: a few frames that spread over it, and the newest."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from emo.media.image import shrunk

CELL = 96  # pixels of a kept frame's longer side
MAX_FRAMES = 18
PREVIEW_SIDE = 512  # pixels of the newest frame's longer side


@dataclass(frozen=True)
class VideoPreview:
    """The video so far, after another clip.

    Attributes:
        newest: the newest frame, at most PREVIEW_SIDE pixels a side.
        kept: small frames that spread over all so far.
        num_frames: all so far.
    """

    newest: Image.Image
    kept: tuple[Image.Image, ...]
    num_frames: int


class PreviewFrames:
    """The newest frame, and up to MAX_FRAMES small ones that spread over all so far, however many these are.

    No other frame is shrunk.

    Attributes:
        count: all so far.
    """

    def __init__(self):
        self._kept: list[Image.Image] = []
        self._stride = 1
        self.count = 0

    def add(self, frame: np.ndarray) -> None:
        """Take the next frame, RGB uint8 (H, W, 3)."""
        if self.count % self._stride == 0:
            self._kept.append(shrunk(Image.fromarray(frame), CELL))
        self.count += 1
        if len(self._kept) > MAX_FRAMES:
            self._kept, self._stride = self._kept[::2], self._stride * 2

    def clip(self, newest: np.ndarray) -> VideoPreview:
        """All so far, of which `newest` is the last that was added."""
        return VideoPreview(shrunk(Image.fromarray(newest), PREVIEW_SIDE), tuple(self._kept), self.count)
