"""Faces found by MediaPipe's BlazeFace networks: anchors, boxes and their mean where they overlap."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emo.face.box import Box
from emo.face.networks.files import FAR_FINDER, NEAR_FINDER, network_file
from emo.face.networks.network import Network
from emo.face.networks.sampling import Roi, sampled

MOST = 100.0
"""Logits are cut there, above and below."""

SAME_FACE = 0.3
"""Boxes whose intersection over union is larger are of one face."""


class Detection(NamedTuple):
    """A face that was found, in pixels of the picture.

    Attributes:
        box: around the inner face.
        points: (6, 2): eyes, nose, mouth, ears, left in the picture before right.
        score: 0 to 1.
    """

    box: Box
    points: np.ndarray
    score: float


@dataclass(frozen=True)
class FinderKind:
    """One of the two networks.

    Attributes:
        file: its name in `emo.face.networks.files`.
        confidence: the least score of a face, unless told otherwise.
        anchors: of each grid, its side and how many anchors each of its cells has.
    """

    file: str
    confidence: float
    anchors: tuple[tuple[int, int], ...]


NEAR = FinderKind(NEAR_FINDER, 0.5, ((16, 2), (8, 6)))
"""For faces that fill the picture."""

FAR = FinderKind(FAR_FINDER, 0.6, ((48, 1),))
"""For faces that are small in it."""


class BlazeFinder:
    """Finds faces in pictures.

    Args:
        kind: NEAR or FAR.
        confidence: the least score of a face; None takes the kind's own.
    """

    def __init__(self, kind: FinderKind, confidence: float | None = None) -> None:
        self.network = Network(network_file(kind.file))
        self.anchors = np.concatenate([_cells(side, count) for side, count in kind.anchors])
        self.confidence = kind.confidence if confidence is None else confidence

    def __call__(self, picture: np.ndarray) -> list[tuple[Box, float]]:
        """Boxes of the faces in a picture, uint8 (h, w, 3) RGB, and their scores, the surest first."""
        return [(face.box, face.score) for face in self.find(picture)]

    def find(self, picture: np.ndarray) -> list[Detection]:
        """The faces in a picture with their eyes, the surest first."""
        roi = Roi.whole(*picture.shape[:2]).widened(*self.network.size)
        values, logits = self.network(sampled(picture, roi, self.network.size, -1.0))
        scores = 1 / (1 + np.exp(-logits[0, :, 0].astype(np.float64).clip(-MOST, MOST)))
        sure = np.flatnonzero(scores >= self.confidence)
        # x, y of the center, width, height, then points; all in pixels of the network's picture.
        decoded = values[0, sure].reshape(-1, 8, 2) / np.float32(self.network.size[1])
        half, middle = decoded[:, 1] / 2, decoded[:, 0] + self.anchors[sure]
        points = decoded[:, 2:] + self.anchors[sure][:, None]
        placed = np.concatenate([(middle - half)[:, None], (middle + half)[:, None], points], 1)
        kept = (half > 0).all(1)
        faces = merged(placed[kept], scores[sure][kept])
        placed_faces = [(roi.to_picture(places), score) for places, score in faces]
        return [Detection(Box(*p[:2].reshape(-1).tolist()), p[2:], score) for p, score in placed_faces]

    def close(self) -> None:
        """Nothing is held that would have to be freed."""


def merged(places: np.ndarray, scores: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """One face of all boxes that overlap the surest: their mean, weighted with their scores, and its score.

    Args:
        places: (n, 8, 2), of each box its left upper corner, its right lower one and six points.
        scores: (n,).
    """
    faces = []
    left = np.argsort(-scores, kind="stable")
    while len(left):
        same = _overlap(places[left[0], :2], places[left, :2]) > SAME_FACE
        if not same.any():
            break
        weights = scores[left[same]]
        mean = (places[left[same]] * weights[:, None, None]).sum(0) / weights.sum()
        faces.append((mean, float(scores[left[0]])))
        left = left[~same]
    return faces


def _overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of a box (2, 2) with others (n, 2, 2): (n,)."""
    sides = np.minimum(box[1], boxes[:, 1]) - np.maximum(box[0], boxes[:, 0])
    common = sides.clip(0).prod(1)
    return common / ((box[1] - box[0]).prod() + (boxes[:, 1] - boxes[:, 0]).prod(1) - common)


def _cells(side: int, count: int) -> np.ndarray:
    """Centers of a grid's cells, row by row, each so often as it has anchors: (side * side * count, 2), x before y."""
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    centers = (np.stack([across, down], -1).reshape(-1, 2) + 0.5) / side
    return np.repeat(centers, count, 0).astype(np.float32)
