"""A portrait as a mesh: FaceMesh landmarks, their triangles, depth, and anchors that hold the rest of the picture."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from emo.errors import FaceError
from emo.face import FACE_SHARE, head_pose
from emo.face.mesh import (
    EYES,
    INNER_LIPS_MIDDLE,
    NUM_LANDMARKS,
    NUM_SKIN_LANDMARKS,
    OUTER_EYE_CORNERS,
    OVAL,
)
from emo.face.runner import Mesh, open_mesh
from emo.motion.mesh.topology import MOUTH_RING, fan, tessellation

GRID = 17  # anchors per side of the picture
MAX_YAW = 25  # degrees; more cannot be turned back


@lru_cache(maxsize=1)
def _mesh() -> Mesh:
    return open_mesh(faces=1, confidence=0.4)


def within_outline(points: np.ndarray, side: int) -> np.ndarray:
    """Where a picture of that side shows the face, (side, side) uint8, 0 or 1, by its landmarks (478, 2 or more)."""
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.round(points[OVAL, :2]).astype(np.int32)], (1,))
    return mask


def landmarks(image: np.ndarray) -> np.ndarray | None:
    """FaceMesh landmarks (478, 3) in pixels of an RGB uint8 picture (depth grows away from the camera), or None."""
    meshes = _mesh()(np.ascontiguousarray(image))
    return meshes[0].astype(np.float64) if meshes else None


def crop_portrait(image: np.ndarray, size: int = 512) -> tuple[np.ndarray, np.ndarray]:
    """Square crop in which the face's oval takes FACE_SHARE of the height.

    Args:
        image: (H, W, 3) uint8 RGB.
        size: side of the result in pixels.
    Returns:
        The crop (size, size, 3) uint8 and its landmarks (478, 3) in pixels.
    Raises:
        FaceError: no face is found, or it looks too far to the side.
    """
    points = landmarks(image)
    if points is None:
        raise FaceError("no face found in the portrait; use a picture with one clearly visible, frontal face")
    turn = abs(head_pose(points).yaw)
    if turn > MAX_YAW:
        raise FaceError(f"the face is turned aside by {turn:.0f} degrees; use a picture from the front")
    low, high = points[OVAL, :2].min(0), points[OVAL, :2].max(0)
    height, width = image.shape[:2]
    side = min(max(high[1] - low[1], 1.15 * (high[0] - low[0])) / FACE_SHARE, max(height, width))
    x, y = (low + high) / 2 - side / 2 - [0, 0.02 * side]
    x = float(np.clip(x, 0, width - side)) if side <= width else x
    y = float(np.clip(y, 0, height - side)) if side <= height else y
    scale = size / side
    if scale < 0.7:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
    matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]], np.float32)
    crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    again = landmarks(crop)
    return crop, (points - [x, y, 0]) * scale if again is None else again


@dataclass(frozen=True)
class CroppedPortrait:
    """A square portrait that is ready to be warped.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        points: landmarks (478, 3) in its pixels.
        cover: (S, S) float32, how far a pixel shows the person, 0 to 1; or None, where background and person are one.
        backdrop: (S, S, 3) uint8 RGB, what stands still behind the person; with `cover` alone.
    """

    image: np.ndarray
    points: np.ndarray
    cover: np.ndarray | None = None
    backdrop: np.ndarray | None = None


@dataclass(frozen=True)
class PortraitMesh:
    """Vertices and triangles over a portrait of side S.

    image: (S, S, 3) uint8 RGB.
    vertices: (V, 3) pixels and depth: landmarks, anchors, two eye centers, mouth center.
    weight: (V,) how far a vertex follows the head, 1 face … 0 border.
    jaw_weight: (anchors,) how far an anchor follows the jaw.
    triangles: (N, 3); the last `mouth_triangles` fill the mouth.
    anchors: number of anchors.
    right, down: unit vectors (2,) of the face in the picture.
    center: (2,) middle of the face's oval; width, height: its extent along `right` and `down`.
    """

    image: np.ndarray
    vertices: np.ndarray
    weight: np.ndarray
    jaw_weight: np.ndarray
    triangles: np.ndarray
    mouth_triangles: int
    anchors: int
    right: np.ndarray
    down: np.ndarray
    center: np.ndarray
    width: float
    height: float

    @property
    def eye_vertex(self) -> int:
        """Index of the first eye's center; the second follows, then the mouth's."""
        return NUM_LANDMARKS + self.anchors


def build_mesh(image: np.ndarray, points: np.ndarray) -> PortraitMesh:
    """Mesh of a cropped portrait.

    Args:
        image: (S, S, 3) uint8 RGB.
        points: (478, 3) landmarks in pixels.
    """
    side = image.shape[0]
    left_corner, right_corner = OUTER_EYE_CORNERS
    right = points[right_corner, :2] - points[left_corner, :2]
    right = right / np.linalg.norm(right)
    down = np.array([-right[1], right[0]])
    oval = points[OVAL]
    center = oval[:, :2].mean(0)
    width, height = np.ptp((oval[:, :2] - center) @ right), np.ptp((oval[:, :2] - center) @ down)
    anchors, depth, weight, jaw = _anchors(side, oval, center, right, down, width, height)
    eyes = np.array([points[e.iris] for e in EYES])
    mouth_center = points[INNER_LIPS_MIDDLE].mean(0)[None]
    vertices = np.concatenate([points, np.column_stack([anchors, depth]), eyes, mouth_center])
    first_eye = NUM_LANDMARKS + len(anchors)
    fans = [fan(first_eye + k, eye.ring) for k, eye in enumerate(EYES)]
    mouth = fan(first_eye + 2, MOUTH_RING)
    triangles = np.concatenate([tessellation(), _surroundings(oval[:, :2], anchors, side), *fans, mouth])
    return PortraitMesh(
        image=image,
        vertices=vertices,
        weight=np.concatenate([np.ones(NUM_LANDMARKS), weight, np.ones(3)]),
        jaw_weight=jaw,
        triangles=triangles,
        mouth_triangles=len(mouth),
        anchors=len(anchors),
        right=right,
        down=down,
        center=center,
        width=float(width),
        height=float(height),
    )


def place_irises(mesh: PortraitMesh) -> tuple[np.ndarray, np.ndarray]:
    """The irises' landmarks as mixtures: corners of the triangles that they lie on and their shares, (10, 3) each."""
    irises = mesh.vertices[NUM_SKIN_LANDMARKS:NUM_LANDMARKS, :2]
    eyes = mesh.triangles[np.isin(mesh.triangles, [mesh.eye_vertex, mesh.eye_vertex + 1]).any(1)]
    middle, one, other = mesh.vertices[eyes, :2].transpose(1, 0, 2)
    edges = np.stack([one - middle, other - middle], -1) + 1e-9 * np.eye(2)
    share = np.linalg.solve(edges, (irises[:, None] - middle)[..., None])[..., 0]
    share = np.concatenate([1 - share.sum(-1, keepdims=True), share], -1)
    nearest = share.min(-1).argmax(1)  # inside it all shares are positive
    return eyes[nearest], share[np.arange(len(irises)), nearest]


def _anchors(side: int, oval: np.ndarray, center, right, down, width: float, height: float):
    """A jittered grid outside the face (concentric rings would give spikes in the hair): places (A, 2), depth, weight
    of the head's motion (smooth to 0 at the border) and of the jaw's, each (A,)."""
    line = np.linspace(0, side - 1, GRID)
    column, row = np.meshgrid(np.arange(GRID), np.arange(GRID))
    border = ((column == 0) | (column == GRID - 1) | (row == 0) | (row == GRID - 1)).ravel()
    shift = np.where((column == 0) | (column == GRID - 1), 0, (row % 2 - 0.5) * 0.4 * line[1])
    place = np.stack([(line[column] + shift).ravel(), line[row].ravel()], 1)
    outline = oval[:, :2].astype(np.float32)
    inside = np.array([cv2.pointPolygonTest(outline, (float(x), float(y)), True) for x, y in place])
    keep = (inside <= -side / 45) | (border & (inside <= 0))
    place, border, outside = place[keep], border[keep], np.maximum(-inside[keep], 0)
    across, along = (place - center) @ right, (place - center) @ down / height
    reach = np.hypot(across / (0.5 * width), (along * height + 0.08 * height) / (0.56 * height))
    weight = np.clip(1 - (reach - 1.2) / 1.1, 0, 1)
    weight = weight * weight * (3 - 2 * weight)
    weight *= np.where(along > 0.45, np.exp(-(((along - 0.45) / 0.3) ** 2)), 1.0) * ~border
    near = 1 / (np.linalg.norm(oval[None, :, :2] - place[:, None], axis=2) ** 2 + 25)
    near /= near.sum(1, keepdims=True)
    depth = (near @ oval[:, 2]) * weight + 0.35 * width * (1 - np.exp(-outside / (0.25 * width)))
    jaw = np.where(along > 0.25, np.exp(-((outside / (0.16 * height)) ** 2)), 0.0)
    return place, depth, weight, jaw


def _surroundings(oval: np.ndarray, anchors: np.ndarray, side: int) -> np.ndarray:
    """Delaunay triangles between the face's oval and the anchors."""
    points = np.concatenate([oval, anchors]).astype(np.float32)
    number = np.concatenate([OVAL, NUM_LANDMARKS + np.arange(len(anchors))])
    plane: Any = cv2.Subdiv2D((-side, -side, 3 * side, 3 * side))  # takes and gives arrays, which the stubs do not say
    plane.insert(points)
    corners = plane.getTriangleList().reshape(-1, 3, 2)
    corners = corners[((corners > -side / 2) & (corners < 1.5 * side)).all((1, 2))]  # without the plane's own frame
    ids = np.linalg.norm(points - corners[:, :, None], axis=3).argmin(2)
    outline = oval.astype(np.float32)
    middle = points[ids].mean(1)
    outside = [cv2.pointPolygonTest(outline, (float(x), float(y)), False) < 0 for x, y in middle]
    return number[ids[np.array(outside)]]
