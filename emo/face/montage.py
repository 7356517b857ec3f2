"""Several faces of one picture, each animated in a crop of its own, put back side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from emo.errors import FaceError
from emo.face.box import Box
from emo.face.crop import BAND, FEATHER, image_size
from emo.face.portrait import Portrait

MIN_GAP = 0.04
"""Of the longer side of the larger of two faces, that must lie between them: with less, one cannot move without the
other."""


@dataclass(frozen=True)
class Montage:
    """Where in a picture each of its animated faces is drawn.

    Every pixel belongs to the face that it is nearest to. There the face's crop fades in from the border, toward the
    crop's edge as in `Crop.paste`, and toward other faces from halfway between: there the picture stays as it is, so
    that no two crops are ever seen through each other.

    Attributes:
        portraits: one for each face, all of one picture.
        covers: how much of each crop is seen where it lies in the picture, float16 (rows, columns) of the part that is
            inside.
    """

    portraits: tuple[Portrait, ...]
    covers: tuple[np.ndarray, ...] = field(repr=False)

    @classmethod
    def of(
        cls, portraits: Sequence[Portrait], numbers: Sequence[int], others: Sequence[Box], name: str = "portrait"
    ) -> "Montage":
        """Lay out faces.

        Args:
            portraits: of one picture.
            numbers: of their faces, for messages.
            others: boxes of faces in it that stay as they are.
            name: what messages call the picture.

        Raises:
            FaceError: two of them overlap, or nearly so.
        """
        boxes = [portrait.face.box for portrait in portraits if portrait.face is not None]
        assert len(boxes) == len(portraits)
        for one, other in combinations(range(len(boxes)), 2):
            if _gap(boxes[one], boxes[other]) < MIN_GAP * max(boxes[one].side, boxes[other].side):
                problem = f"{name}: faces {numbers[one]} and {numbers[other]} overlap, and cannot move side by side"
                raise FaceError(
                    problem,
                    option="face",
                    remedy="animate one of them, or give a picture in which they are farther apart",
                )
        covers = []
        for index, portrait in enumerate(portraits):
            beside = [*boxes[:index], *boxes[index + 1 :], *others]
            beside = [box for box in beside if _gap(boxes[index], box) > 0]
            covers.append(_cover(portrait, boxes[index], beside))
        return cls(tuple(portraits), tuple(covers))

    def paste(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """The picture with one frame of each face, (h, w, 3) uint8.

        Args:
            frames: uint8 (height, width, 3) of the crops, in the order of the portraits.
        """
        picture = self.portraits[0].picture
        pasted = picture.copy()
        for portrait, cover, frame in zip(self.portraits, self.covers, frames, strict=True):
            crop = portrait.crop
            top, left = max(crop.y0, 0), max(crop.x0, 0)
            front = crop.in_picture(frame)[top - crop.y0 :, left - crop.x0 :]
            for y in range(0, len(cover), BAND):
                alpha = cover[y : y + BAND, :, None].astype(np.float32)
                rows = slice(top + y, top + y + len(alpha)), slice(left, left + cover.shape[1])
                behind = picture[rows].astype(np.float32)
                drawn = behind + alpha * (front[y : y + len(alpha), : cover.shape[1]] - behind)
                pasted[rows] = np.where(alpha > 0, np.rint(drawn).astype(np.uint8), pasted[rows])
        return pasted


def _gap(one: Box, other: Box) -> float:
    """Distance between two boxes, 0 where they touch or overlap."""
    across = max(one.x0 - other.x1, other.x0 - one.x1, 0.0)
    down = max(one.y0 - other.y1, other.y0 - one.y1, 0.0)
    return float(np.hypot(across, down))


def _cover(portrait: Portrait, box: Box, beside: Sequence[Box]) -> np.ndarray:
    """See `Montage`."""
    crop, (height, width) = portrait.crop, image_size(portrait.picture)
    cover = crop.opacity((height, width))
    x = np.arange(max(crop.x0, 0), min(crop.x1, width)) + 0.5
    y = np.arange(max(crop.y0, 0), min(crop.y1, height)) + 0.5
    feather = max(1.0, FEATHER * min(crop.x1 - crop.x0, crop.y1 - crop.y0))
    own = _distance(box, x, y)
    for other in beside:
        nearer = (_distance(other, x, y) - own) / min(feather, _gap(box, other))
        nearer = np.clip(nearer, 0, 1)
        cover = cover * (nearer * nearer * (3 - 2 * nearer))
    return cover.astype(np.float16)


def _distance(box: Box, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """From pixels at columns x (w,) and rows y (h,) to a box, 0 inside, (h, w) float32."""
    across = np.maximum(np.maximum(box.x0 - x, x - box.x1), 0)
    down = np.maximum(np.maximum(box.y0 - y, y - box.y1), 0)
    return np.hypot(across[None], down[:, None]).astype(np.float32)
