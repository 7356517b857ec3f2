"""Whether two pictures show the same person, without a learned network: colors and contours of the aligned face.

Descriptors are unit vectors compared by their angle, as the embeddings of learned face recognition are: those can be
passed to `identity_distance` and `nearest` instead.

How well they tell people apart: docs/measures.md. Landmark shapes are left out: they tell little.
"""

import numpy as np

from emo.errors import EmoError
from emo.face.measures import check_landmarks
from emo.face.mesh import OUTER_EYE_CORNERS
from emo.metrics.checks import check_frame

SIDE = 64  # pixels of the aligned face
EYES_SHARE = 0.5  # the distance of the eyes' outer corners over SIDE, as it would be from the front
EYES_HEIGHT = 0.42  # where the eyes lie, from the top
COLORS = 6  # cells per side whose mean colors are compared
CELL = 8  # pixels of a histogram of gradients
BINS = 9  # directions of a histogram of gradients
NEUTRAL = (50.0, 10.0, 15.0)  # CIELAB of a face of no one's, from which colors are counted
COLOR_SCALE = 20.0


def identity_descriptor(frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """What a face looks like whatever its place, size, roll and, to some degree, expression and light.

    The face is laid upright at a fixed size by the eyes' corners; the descriptor holds the mean CIELAB colors of
    6 x 6 cells, less their mean lightness, and the directions of its contours (histograms of gradients, Dalal and
    Triggs, each less its mean).

    Args:
        frame: uint8 (H, W, 3) RGB.
        landmarks: (478, 3) in the frame's pixels.

    Returns:
        (1872,) float32 of length 1.

    Raises:
        EmoError: `frame` or `landmarks` have another shape or type.
    """
    import cv2

    face = _aligned(check_frame(frame), check_landmarks(np.asarray(landmarks)[None])[0])
    lab = cv2.cvtColor(face.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    colors = cv2.resize(lab, (COLORS, COLORS), interpolation=cv2.INTER_AREA) - np.array(NEUTRAL, np.float32)
    colors[..., 0] -= colors[..., 0].mean()
    hog = cv2.HOGDescriptor((SIDE, SIDE), (2 * CELL, 2 * CELL), (CELL, CELL), (CELL, CELL), BINS)
    contours = np.asarray(hog.compute(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY))).reshape(-1, BINS)
    contours = _unit((contours - contours.mean(1, keepdims=True)).ravel())
    return _unit(np.concatenate([colors.ravel() / (COLOR_SCALE * COLORS), contours]))


def identity_distance(one: np.ndarray, other: np.ndarray) -> float:
    """1 - cosine of two descriptors or embeddings (D,): 0 alike ... 1 unrelated ... 2 opposite.

    Raises:
        EmoError: the vectors differ in length, or one is zero or not finite.
    """
    return float(_distances(np.asarray(one)[None], np.asarray(other)[None])[0, 0])


def nearest(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Which of the gallery's descriptors or embeddings is nearest to each query, (Q, D), (G, D) -> (Q,) int.

    Raises:
        EmoError: as `identity_distance`, and for an empty gallery.
    """
    return _distances(np.asarray(queries), np.asarray(gallery)).argmin(1)


def _distances(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """(Q, D), (G, D) -> (Q, G)."""
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1] or len(gallery) == 0:
        raise EmoError(f"descriptors must be vectors of one length, not {queries.shape[1:]} and {gallery.shape[1:]}")
    q = queries.astype(np.float64)
    g = gallery.astype(np.float64)
    sizes = (np.linalg.norm(q, axis=1), np.linalg.norm(g, axis=1))
    if not all((np.isfinite(size) & (size > 0)).all() for size in sizes):
        raise EmoError("descriptors must be finite and not zero")
    return np.clip(1 - (q / sizes[0][:, None]) @ (g / sizes[1][:, None]).T, 0, 2)


def _aligned(frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face upright, (SIDE, SIDE, 3): its eyes in their place, its size from the 3-D distance of their corners."""
    import cv2

    left, right = landmarks[OUTER_EYE_CORNERS]
    scale = SIDE * EYES_SHARE / max(float(np.linalg.norm(right - left)), 1e-6)
    if scale < 1:  # average first: warpAffine only samples
        size = tuple(max(1, round(length * scale)) for length in frame.shape[1::-1])
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        left = left * scale
        right = right * scale
        scale = 1.0
    across = (right - left)[:2] / max(float(np.linalg.norm((right - left)[:2])), 1e-6) * scale
    turn = np.array([[across[0], across[1]], [-across[1], across[0]]])
    place = np.array([SIDE / 2, SIDE * EYES_HEIGHT]) - turn @ (left + right)[:2] / 2
    return cv2.warpAffine(
        frame,
        np.column_stack([turn, place]),
        (SIDE, SIDE),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _unit(vector: np.ndarray) -> np.ndarray:
    """The vector at length 1; zero stays zero."""
    return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)
