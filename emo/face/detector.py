"""Faces in still pictures: MediaPipe's networks find them and put 478 landmarks on each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from emo.face.box import Box, landmark_box
from emo.face.crop import Crop, image_size
from emo.face.runner import Finder, open_finder, open_mesh

MESH_SIDE = 256
"""Pixels of the enlarged crop that FaceMesh sees."""

MESH_SHARE = 0.5
"""The detected box's share of that crop."""

FINDER_SIDE = 384
"""Pixels to which a tile is shrunk by area averaging: the finders themselves take in 128 or 192, aliased."""

SMALLEST_TILE = 800
"""Pixels of the smallest tile that is searched; what faces are found in it: docs/measures.md."""


@dataclass(frozen=True)
class Face:
    """One face in a picture.

    Attributes:
        box: around all landmarks: hairline to chin and ear to ear from the front, with the nose where the head is
            turned; it reaches over the border where the face is cut off.
        score: the finder's, 0...1.
        landmarks: (478, 3) float32, numbered as in `emo.face.mesh`: x right, y down in pixels, z away from the camera
            in the same scale with its zero in the head.
    """

    box: Box
    score: float
    landmarks: np.ndarray = field(repr=False, compare=False)


class FaceDetector:
    """Finds faces and their landmarks in still pictures; a context manager, whose end frees the networks.

    One per thread. Who runs the networks: `emo.face.runner`.

    Raises:
        WeightsError: the networks are not on this machine and cannot be fetched.
    """

    def __init__(self) -> None:
        self._near, self._far = open_finder(far=False), open_finder(far=True)
        self._mesh = open_mesh(faces=4)

    def __enter__(self) -> "FaceDetector":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the networks; the detector is of no use afterwards."""
        for network in (self._near, self._far, self._mesh):
            network.close()

    def detect(self, image: np.ndarray) -> list[Face]:
        """The faces in a picture, from left to right.

        Looks at the whole picture first and at ever smaller tiles only while nothing is found, so that a face of 64 px
        is found in a picture of any size, and passers-by behind a portrait are not.

        Args:
            image: uint8 (h, w, 3) RGB.
        """
        h, w = image_size(image)
        side = max(h, w)
        faces = self._faces(image, self._find(image, (self._near, self._far)))
        while not faces and side > SMALLEST_TILE:
            side = max(side // 2, SMALLEST_TILE)
            for x, y in _tiles(h, w, side):
                detections = self._find(image[y : y + side, x : x + side], (self._far,))
                moved = [(Box(b.x0 + x, b.y0 + y, b.x1 + x, b.y1 + y), score) for b, score in detections]
                faces += self._faces(image, moved, faces)
        return sorted(faces, key=lambda face: face.box.x0 + face.box.x1)

    def landmarks_near(self, image: np.ndarray, box: Box) -> np.ndarray | None:
        """The landmarks of the face about a box, (478, 3) as `Face.landmarks`, or None; without a search elsewhere.

        FaceMesh sees an enlarged square crop about the box. A neighbor's head may reach into it: the mesh taken is the
        one that the box's center lies in.

        Args:
            image: uint8 (h, w, 3) RGB.
            box: a finder's, or that of the face's landmarks in the frame before.
        """
        crop = Crop.around(box, image_size(image), height=MESH_SIDE, width=MESH_SIDE, share=MESH_SHARE)
        scale = np.float32((crop.x1 - crop.x0) / MESH_SIDE)
        for mesh in self._mesh(crop.apply(image)):
            landmarks = mesh.astype(np.float32) * scale + np.array((crop.x0, crop.y0, 0), np.float32)
            if landmark_box(landmarks).holds(*box.center):
                return landmarks
        return None

    def _find(self, tile: np.ndarray, finders: tuple[Finder, ...]) -> list[tuple[Box, float]]:
        """Boxes in pixels of the tile, and their scores."""
        h, w = image_size(tile)
        shrink = FINDER_SIDE / max(h, w)
        small = tile
        if shrink < 1:
            small = Crop(0, 0, w, h, max(1, round(h * shrink)), max(1, round(w * shrink))).apply(tile)
        sx, sy = w / small.shape[1], h / small.shape[0]
        found = [face for finder in finders for face in finder(small)]
        return [(Box(b.x0 * sx, b.y0 * sy, b.x1 * sx, b.y1 * sy), score) for b, score in found]

    def _faces(self, image: np.ndarray, detections: list[tuple[Box, float]], known: Sequence[Face] = ()) -> list[Face]:
        """The detections that FaceMesh confirms, with landmarks, each face once."""
        faces: list[Face] = []
        for box, score in detections:
            if any(face.box.holds(*box.center) for face in (*known, *faces)):
                continue
            landmarks = self.landmarks_near(image, box)
            if landmarks is not None:
                faces.append(Face(landmark_box(landmarks), score, landmarks))
        return faces


def _tiles(height: int, width: int, side: int) -> Iterator[tuple[int, int]]:
    """Left and top of tiles that cover the picture and overlap by a quarter or more of their side."""
    for y in _starts(height, side):
        for x in _starts(width, side):
            yield x, y


def _starts(length: int, side: int) -> np.ndarray:
    spare = max(length - side, 0)
    return np.linspace(0, spare, -(-spare // (side * 3 // 4)) + 1).astype(int)


def largest(faces: Sequence[Face]) -> Face:
    """The face with the largest box; of equal ones the first."""
    return max(faces, key=lambda face: face.box.area)
