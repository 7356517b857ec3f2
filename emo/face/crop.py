"""The rectangle of a picture that is animated, and the way back into the whole picture."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from emo.face.box import Box

FACE_SHARE = 0.48
"""Longer side of the face box over the crop's shorter side: in portraits and in the training data alike."""

MAX_SHIFT = 0.12
"""How far, as a share of its side, a crop moves off the face's center in order to stay inside the picture."""

BAND = 256
"""Rows that are blended at a time: in floats they take several times as much memory."""

FEATHER = 0.08
"""Width of the paste-back's blended edge as a share of the crop's shorter side."""


@dataclass(frozen=True)
class Crop:
    """A rectangle of whole pixels that may reach over the picture's border, and the size it is resampled to.

    Attributes:
        x0: its first column, in pixels of the picture.
        y0: its first row.
        x1: the column after its last.
        y1: the row after its last.
        height: of the crop, in pixels of its own.
        width: of the crop, in pixels of its own.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    height: int
    width: int

    @classmethod
    def around(
        cls, box: Box, image_size: tuple[int, int], *, height: int, width: int, share: float = FACE_SHARE
    ) -> "Crop":
        """The crop of aspect ratio width : height whose shorter side is the box's longer side / share.

        The box is centered, but for a shift of at most MAX_SHIFT of the crop's side that keeps the crop inside the
        picture.

        Args:
            box: what the crop is laid around, in pixels of the picture.
            image_size: height and width of the picture.
            height: of the crop, in pixels.
            width: of the crop, in pixels.
            share: the box's longer side over the crop's shorter side.
        """
        scale = box.side / share / min(height, width)
        x, y = box.center
        x0, x1 = _place(x, scale * width, image_size[1])
        y0, y1 = _place(y, scale * height, image_size[0])
        return cls(x0, y0, x1, y1, height, width)

    @classmethod
    def center(cls, image_size: tuple[int, int], *, height: int, width: int) -> "Crop":
        """The largest rectangle of aspect ratio width : height inside the picture, centered.

        Args:
            image_size: height and width of the picture.
            height: of the crop, in pixels.
            width: of the crop, in pixels.
        """
        scale = min(image_size[0] / height, image_size[1] / width)
        x0, x1 = _place(image_size[1] / 2, scale * width, image_size[1])
        y0, y1 = _place(image_size[0] / 2, scale * height, image_size[0])
        return cls(x0, y0, x1, y1, height, width)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The crop's pixels, (h, w, ...) -> (height, width, ...), uint8; beyond the picture its border is repeated.

        Area averaging where pixels become fewer, bicubic interpolation where they become more.
        """
        import cv2

        h, w = image_size(image)
        inside = image[max(self.y0, 0) : max(self.y1, 0), max(self.x0, 0) : max(self.x1, 0)]
        beyond = max(-self.y0, 0), max(self.y1 - h, 0), max(-self.x0, 0), max(self.x1 - w, 0)
        return _resample(cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REPLICATE), self.height, self.width)

    def to_crop(self, box: Box) -> Box:
        """A box in pixels of the picture -> the same box in pixels of the crop."""
        sx = self.width / (self.x1 - self.x0)
        sy = self.height / (self.y1 - self.y0)
        return Box((box.x0 - self.x0) * sx, (box.y0 - self.y0) * sy, (box.x1 - self.x0) * sx, (box.y1 - self.y0) * sy)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2), x and y in pixels of the picture -> float64, in pixels of the crop."""
        zoom = np.array([self.width / (self.x1 - self.x0), self.height / (self.y1 - self.y0)])
        return (points.astype(np.float64) - (self.x0, self.y0)) * zoom

    def to_image(self, box: Box) -> Box:
        """A box in pixels of the crop -> the same box in pixels of the picture."""
        sx = (self.x1 - self.x0) / self.width
        sy = (self.y1 - self.y0) / self.height
        return Box(box.x0 * sx + self.x0, box.y0 * sy + self.y0, box.x1 * sx + self.x0, box.y1 * sy + self.y0)

    def paste(self, frames: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Put frames of the crop back into the picture.

        Every pixel outside of the crop is the picture's own. Inside, the frame fades in over FEATHER of the crop's
        shorter side, from nothing at the outermost pixel; not along the picture's own border, where no seam can show.

        Args:
            frames: uint8 (n, height, width, 3) of the crop.
            image: uint8 (h, w, 3), the picture.

        Returns:
            uint8 (n, h, w, 3).
        """
        pasted = np.empty((len(frames), *image.shape), np.uint8)
        for target, picture in zip(pasted, self.paste_each(frames, image), strict=True):
            target[:] = picture
        return pasted

    def paste_each(self, frames: Iterable[np.ndarray], image: np.ndarray) -> Iterator[np.ndarray]:
        """The pictures of `paste` one by one, (h, w, 3) uint8 each: of large ones no two are in memory."""
        h, w = image_size(image)
        top, bottom, left, right = max(self.y0, 0), min(self.y1, h), max(self.x0, 0), min(self.x1, w)
        down, across = self._ramps((h, w))
        for frame in frames:
            pasted = image.copy()
            front = self.in_picture(frame)
            for y in range(top, bottom, BAND):
                rows = slice(y, min(y + BAND, bottom))
                alpha = np.outer(down[rows.start - top : rows.stop - top], across)[..., None]
                behind = image[rows, left:right].astype(np.float32)
                before = front[rows.start - self.y0 : rows.stop - self.y0, left - self.x0 : right - self.x0]
                pasted[rows, left:right] = np.rint(behind + alpha * (before - behind)).astype(np.uint8)
            del front
            yield pasted
            del pasted

    def in_picture(self, frame: np.ndarray) -> np.ndarray:
        """A frame of the crop, (height, width, 3) uint8, at the picture's scale, (y1 - y0, x1 - x0, 3)."""
        return _resample(frame, self.y1 - self.y0, self.x1 - self.x0)

    def opacity(self, size: tuple[int, int]) -> np.ndarray:
        """How much of a frame is seen in a picture of that height and width where `paste` lays it, 0 to 1, float32
        (rows, columns) of the part that is inside."""
        return np.outer(*self._ramps(size))

    def _ramps(self, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        feather = max(1.0, FEATHER * min(self.x1 - self.x0, self.y1 - self.y0))
        return _ramp(self.y0, self.y1, size[0], feather), _ramp(self.x0, self.x1, size[1], feather)


def image_size(image: np.ndarray) -> tuple[int, int]:
    """Height and width of a picture (h, w, ...)."""
    height, width = image.shape[:2]
    return height, width


def _place(center: float, side: float, limit: int) -> tuple[int, int]:
    """First pixel and end of a stretch of `side` pixels about `center`, moved toward [0, limit] where it fits."""
    length = max(1, round(side))
    start = center - length / 2
    inside = min(max(start, 0), limit - length) if length <= limit else (limit - length) / 2
    start = round(start + min(max(inside - start, -MAX_SHIFT * length), MAX_SHIFT * length))
    return start, start + length


def _ramp(start: int, end: int, limit: int, feather: float) -> np.ndarray:
    """Opacity of a frame over [start, end) cut to [0, limit): 0 at ends inside the picture, 1 a feather away."""
    pixel = np.arange(max(start, 0), min(end, limit))
    to_start = pixel - start if start > 0 else math.inf
    to_end = end - 1 - pixel if end < limit else math.inf
    x = np.clip(np.minimum(to_start, to_end) / feather, 0, 1) * np.ones(len(pixel))
    return (x * x * (3 - 2 * x)).astype(np.float32)


def _resample(image: np.ndarray, height: int, width: int) -> np.ndarray:
    import cv2

    shrink = height * width < image.shape[0] * image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
