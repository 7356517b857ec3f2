"""A face between two people: both pictures on the mesh between theirs, the hair and the surroundings of the first."""

import cv2
import numpy as np

from emo.data.synthetic.portrait import PortraitMesh, build_mesh, within_outline
from emo.face.crop import image_size
from emo.face.mesh import EYES, INNER_LIPS_MIDDLE, MOUTH_CORNERS, NUM_LANDMARKS, OUTER_EYE_CORNERS, OVAL, UPPER_BROWS
from emo.motion.mesh.raster import draw_triangles, look_up, triangle_maps

FEATHER = 0.14  # of the face's width, over which the second face fades in from the outline
SHARED = 0.09  # of the face's width: coarser colors are the first one's
BEHIND = 0.3  # of the face's width: how far the surroundings lie behind it


def morph(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray], share: float
) -> tuple[np.ndarray, np.ndarray]:
    """The first person with features and skin that are in part the second's.

    Hair, neck, clothes, background and the skin's tone are the first one's: of two people they cannot be mixed
    without ghosts. So is the forehead, where hair may hang.

    Args:
        first: picture (S, S, 3) uint8 RGB and landmarks (478, 3) in its pixels.
        second: the same of another person.
        share: of the second, 0 to 1.

    Returns:
        Picture and landmarks.
    """
    image, points = first
    other, other_points = second
    mesh = build_mesh(image, points)
    laid = _laid_over(other_points, points)
    between = points + share * (laid - points)
    target = _moved(mesh, between)
    origin = _moved(mesh, other_points)
    anchors = slice(NUM_LANDMARKS, mesh.eye_vertex)
    origin[anchors, :2] = _similarity(points[OVAL, :2], other_points[OVAL, :2])(mesh.vertices[anchors, :2])
    around = ((mesh.triangles >= NUM_LANDMARKS) & (mesh.triangles < mesh.eye_vertex)).any(1)
    corner = target[mesh.triangles]
    owner = draw_triangles(corner[..., :2], corner[..., 2].mean(1) + BEHIND * mesh.width * around, image_size(image))
    drawn = [
        cv2.remap(
            picture,
            *look_up(triangle_maps(corner[..., :2], vertices[mesh.triangles, :2]), owner),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        ).astype(np.float32)
        for picture, vertices in ((image, mesh.vertices), (other, origin))
    ]
    cover = share * _cover(between, mesh, len(image))[..., None]
    mixed = drawn[0] + cover * (_in_tones_of(drawn[0], drawn[1], between, mesh.width) - drawn[0])
    return mixed.round().clip(0, 255).astype(np.uint8), between


def mouth_difference(points: np.ndarray, other: np.ndarray) -> float:
    """How far apart two faces' mouths are in openness and width, in distances of the eyes: mixed ones should be alike.

    Args:
        points: landmarks (478, 3) of one face.
        other: those of the other.
    """

    def shape(face: np.ndarray) -> np.ndarray:
        eyes, gap, width = (
            np.linalg.norm(np.subtract(*face[pair, :2]))
            for pair in (OUTER_EYE_CORNERS, INNER_LIPS_MIDDLE, MOUTH_CORNERS)
        )
        return np.array([gap, width]) / eyes

    return float(np.abs(shape(points) - shape(other)).sum())


def _similarity(source: np.ndarray, target: np.ndarray):
    """The turn, scale and shift that lay places (N, 2) best over others, as a function of places."""
    here, there = source.mean(0), target.mean(0)
    a, b = (source - here) @ [1, 1j], (target - there) @ [1, 1j]
    turn = np.vdot(a, b) / np.vdot(a, a)
    matrix = np.array([[turn.real, turn.imag], [-turn.imag, turn.real]])
    return lambda places: (places - here) @ matrix + there


def _laid_over(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Landmarks (478, 3) turned, scaled and shifted over others'."""
    place = _similarity(points[:, :2], target[:, :2])
    scale = np.linalg.norm(np.subtract(*place(points[OUTER_EYE_CORNERS, :2])))
    scale /= np.linalg.norm(np.subtract(*points[OUTER_EYE_CORNERS, :2]))
    return np.column_stack(
        [place(points[:, :2]), scale * (points[:, 2] - points[OVAL, 2].mean()) + target[OVAL, 2].mean()]
    )


def _moved(mesh: PortraitMesh, points: np.ndarray) -> np.ndarray:
    """The mesh's vertices (V, 3) with its landmarks in other places; anchors go along with the face's outline."""
    vertices = mesh.vertices.copy()
    anchors = slice(NUM_LANDMARKS, mesh.eye_vertex)
    far = np.linalg.norm(vertices[None, OVAL, :2] - vertices[anchors, None, :2], axis=2)
    near = 1 / (far**2 + 25)
    shift = near / near.sum(1, keepdims=True) @ (points - vertices[:NUM_LANDMARKS])[OVAL]
    vertices[anchors] += mesh.weight[anchors, None] * shift
    vertices[:NUM_LANDMARKS] = points
    vertices[mesh.eye_vertex :] = [points[EYES[0].iris], points[EYES[1].iris], points[INNER_LIPS_MIDDLE].mean(0)]
    return vertices


def _cover(points: np.ndarray, mesh: PortraitMesh, side: int) -> np.ndarray:
    """Where the second face is laid over, (side, side) 0 ... 1: within the outline, below the upper forehead."""
    inside = cv2.distanceTransform(within_outline(points, side), cv2.DIST_L2, 5) / (FEATHER * mesh.width)
    row, column = np.mgrid[:side, :side]
    height = column * mesh.down[0] + row * mesh.down[1]
    top, brows = (points[numbers, :2] @ mesh.down for numbers in (OVAL[:1], UPPER_BROWS[0] + UPPER_BROWS[1]))
    below = (height - top.min()) / max(float(brows.min() - top.min()), 1.0)
    cover = np.minimum(inside.clip(0, 1), ((below - 0.3) / 0.6).clip(0, 1))
    return (cover * cover * (3 - 2 * cover)).astype(np.float32)


def _in_tones_of(first: np.ndarray, second: np.ndarray, points: np.ndarray, width: float) -> np.ndarray:
    """The second picture with the coarse colors of the first, within the face."""
    outline = within_outline(points, len(first)).astype(np.float32)

    def blur(picture: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(picture, (0, 0), SHARED * width)

    weight = blur(outline)[..., None] + 1e-3
    coarse = [blur(picture * outline[..., None]) / weight for picture in (first, second)]
    return second * ((coarse[0] + 4) / (coarse[1] + 4)).clip(0.25, 4)
