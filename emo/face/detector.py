"""Faces in still pictures: MediaPipe finds them and puts 478 landmarks on each."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np

from emo.face.box import Box, landmark_box
from emo.face.crop import Crop
from emo.face.quiet import quiet_stderr

MESH_SIDE, MESH_SHARE = 256, 0.5  # pixels of the enlarged crop FaceMesh sees, and the detection's share of it
FINDER_SIDE = 384  # a tile is shrunk to this by area averaging: the finders themselves take in 128 or 192 px, aliased
SMALLEST_TILE = 800  # pixels; at 6 % of its side the full-range model still finds every face, so faces from 48 px on


@dataclass(frozen=True)
class Face:
    """One face in a picture.

    Fields: box, the bounding box x0, y0, x1, y1 of all landmarks, float pixels: hairline to chin and ear to ear from
    the front, with the nose where the head is turned; it reaches over the border where the face is cut off. score,
    the finder's, 0...1. landmarks (478, 3) float32: x right, y down in pixels, z away from the camera in the same
    scale with its zero in the head; 468 of the mesh, then 2 x 5 of the irises.
    """

    box: Box
    score: float
    landmarks: np.ndarray = field(repr=False, compare=False)


class FaceDetector:
    """Finds faces and their landmarks in still pictures; a context manager, whose end frees MediaPipe's graphs.

    One per thread. Nothing that MediaPipe logs reaches the terminal.
    """

    def __init__(self) -> None:
        with quiet_stderr():
            from mediapipe.python.solutions.face_detection import FaceDetection
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._near, self._far = (FaceDetection(model_selection=model) for model in (0, 1))
            self._mesh = FaceMesh(static_image_mode=True, max_num_faces=4, refine_landmarks=True)
            for graph in (self._near, self._far, self._mesh):  # they log until their first call has returned ...
                graph.process(np.zeros((64, 64, 3), np.uint8))
        self._first = quiet_stderr  # ... and FaceMesh once more at its first face

    def __enter__(self) -> "FaceDetector":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free MediaPipe's graphs; the detector is of no use afterwards."""
        for graph in (self._near, self._far, self._mesh):
            graph.close()

    def detect(self, image: np.ndarray) -> list[Face]:
        """The faces in a picture, from left to right.

        image: uint8 (h, w, 3) RGB. Looks at the whole picture first and at ever smaller tiles only while nothing is
        found, so that a face of 64 px is found in a picture of any size, and passers-by behind a portrait are not.
        """
        h, w = image.shape[:2]
        side = max(h, w)
        faces = self._faces(image, self._find(image, (self._near, self._far)))
        while not faces and side > SMALLEST_TILE:
            side = max(side // 2, SMALLEST_TILE)
            for x, y in _tiles(h, w, side):
                found = self._find(image[y : y + side, x : x + side], (self._far,))
                moved = [(Box(b.x0 + x, b.y0 + y, b.x1 + x, b.y1 + y), score) for b, score in found]
                faces += self._faces(image, moved, faces)
        return sorted(faces, key=lambda face: face.box.x0 + face.box.x1)

    def landmarks_near(self, image: np.ndarray, box: Box) -> np.ndarray | None:
        """The landmarks of the face about a box, (478, 3) as `Face.landmarks`, or None; without a search elsewhere.

        image: uint8 (h, w, 3) RGB; box: x0, y0, x1, y1 in pixels, a finder's or that of the face's landmarks in the
        frame before. FaceMesh sees an enlarged square crop about the box. A neighbor's head may reach into it: the
        mesh taken is the one that the box's center lies in.
        """
        crop = Crop.around(box, image.shape[:2], height=MESH_SIDE, width=MESH_SIDE, share=MESH_SHARE)
        with self._first():
            meshes = self._mesh.process(crop.apply(image)).multi_face_landmarks
        if not meshes:
            return None
        self._first = nullcontext
        for mesh in meshes:
            points = np.array([(p.x, p.y, p.z) for p in mesh.landmark], np.float32)
            landmarks = points * (crop.x1 - crop.x0) + np.array((crop.x0, crop.y0, 0), np.float32)
            if landmark_box(landmarks).holds(*box.center):
                return landmarks
        return None

    def _find(self, tile: np.ndarray, finders: tuple) -> list[tuple[Box, float]]:
        """Boxes in pixels of the tile, and their scores."""
        h, w = tile.shape[:2]
        shrink = FINDER_SIDE / max(h, w)
        small = (
            Crop(0, 0, w, h, max(1, round(h * shrink)), max(1, round(w * shrink))).apply(tile) if shrink < 1 else tile
        )
        found = []
        for finder in finders:
            for detection in finder.process(small).detections or ():
                b = detection.location_data.relative_bounding_box
                box = Box(b.xmin * w, b.ymin * h, (b.xmin + b.width) * w, (b.ymin + b.height) * h)
                found.append((box, float(detection.score[0])))
        return found

    def _faces(self, image: np.ndarray, found: list[tuple[Box, float]], known: Sequence[Face] = ()) -> list[Face]:
        """The found boxes that FaceMesh confirms, with landmarks, each face once."""
        faces: list[Face] = []
        for box, score in found:
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
