"""478 landmarks on each face by MediaPipe's attention mesh, as its FaceMesh places them in still pictures."""

import math
from itertools import chain

import numpy as np

from emo.face.mesh import EYES, NUM_LANDMARKS, NUM_SKIN_LANDMARKS
from emo.face.networks.files import MESH, network_file
from emo.face.networks.finding import NEAR, BlazeFinder, Detection
from emo.face.networks.network import Network
from emo.face.networks.sampling import Roi, sampled

AROUND = 1.5
"""The mesh's rectangle over the longer side of the finder's box."""

PRESENT = 0.5
"""The network is as sure that there is a face, or it is none."""

SAME_FACE = 0.5
"""Rectangles whose intersection over union is larger are of one face: the later takes the earlier one's place."""

# Of each output after the mesh, the landmarks that it tells better, in its order.
_LIPS = (
    [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409],
    [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415],
    [76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408],
    [62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407],
)
_AROUND_EYES = (
    (
        [130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190],
        [226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189],
        [35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245],
        [156, 70, 63, 105, 66, 107, 55, 193],
    ),
    (
        [359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414],
        [446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413],
        [265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465],
        [383, 300, 293, 334, 296, 336, 285, 417],
    ),
)


def _lids(side: int) -> list[int]:
    eye = EYES[side]
    return [eye.corners[0], *eye.lower, eye.corners[1], *eye.upper]


_REFINED = (
    list(chain(*_LIPS)),
    [*_lids(0), *chain(*_AROUND_EYES[0])],
    [*_lids(1), *chain(*_AROUND_EYES[1])],
    list(range(NUM_SKIN_LANDMARKS, NUM_SKIN_LANDMARKS + 5)),
    list(range(NUM_SKIN_LANDMARKS + 5, NUM_LANDMARKS)),
)


class AttentionMesh:
    """Finds faces and puts landmarks on each.

    Args:
        faces: how many at most, the surest first.
        confidence: the least score of a face.
    """

    def __init__(self, faces: int, confidence: float = 0.5) -> None:
        self.finder = BlazeFinder(NEAR, confidence)
        self.network = Network(network_file(MESH))
        self.faces = faces

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        """The landmarks of the faces in a picture, uint8 (h, w, 3) RGB: (478, 3) float32 each, in its pixels."""
        rois = [_roi(face) for face in self.finder.find(picture)[: self.faces]]
        meshes = [self.landmarks(picture, roi) for roi in _apart(rois)]
        return [mesh for mesh in meshes if mesh is not None]

    def landmarks(self, picture: np.ndarray, roi: Roi) -> np.ndarray | None:
        """The landmarks of the face in a rectangle, or None where the network sees none."""
        skin, *refined, presence = self.network(sampled(picture, roi, self.network.size, repeat_border=True))
        if 1 / (1 + math.exp(-float(presence.item()))) <= PRESENT:
            return None
        points = np.zeros((NUM_LANDMARKS, 3), np.float32)
        points[:NUM_SKIN_LANDMARKS] = skin.reshape(-1, 3)
        for numbers, output in zip(_REFINED, refined, strict=True):
            points[numbers, :2] = output.reshape(-1, 2)
        for side in (0, 1):  # depth of an iris: that of its lids
            points[_REFINED[3 + side], 2] = points[_lids(side), 2].mean()
        return roi.to_picture(points / np.float32(self.network.size[1]))

    def close(self) -> None:
        """Nothing is held that would have to be freed."""


def _roi(face: Detection) -> Roi:
    """The square about a face that stands upright in it, by its eyes."""
    (x0, y0), (x1, y1) = face.points[0], face.points[1]
    side = AROUND * face.box.side
    return Roi(*face.box.center, side, side, math.atan2(y1 - y0, x1 - x0))


def _apart(rois: list[Roi]) -> list[Roi]:
    kept: list[Roi] = []
    for roi in rois:
        kept = [*(other for other in kept if _overlap(roi, other) <= SAME_FACE), roi]
    return kept


def _overlap(one: Roi, other: Roi) -> float:
    """Intersection over union of two squares, as if neither were turned."""
    across = min(one.x + one.width / 2, other.x + other.width / 2) - max(
        one.x - one.width / 2, other.x - other.width / 2
    )
    down = min(one.y + one.height / 2, other.y + other.height / 2) - max(
        one.y - one.height / 2, other.y - other.height / 2
    )
    common = max(across, 0) * max(down, 0)
    return common / (one.width * one.height + other.width * other.height - common)
