"""Other proportions for a face: smooth, small warps about its features, which make another person of it."""

import cv2
import numpy as np

from emo.face.mesh import EYES, MOUTH_CORNERS, NOSE_ROOT, NOSE_TIP, OUTER_EYE_CORNERS, OVAL

CHIN = 152
JAW = [172, 397]
CHEEKS = [50, 280]
GRID_STEP = 4  # pixels between the places where the warp is worked out
BORDER = 0.12  # of the picture's side, in which the warp fades
MOST = 1.6  # standard deviations
LEAST_AREA = 0.45  # of a place's own, that a warp leaves of it
INVERSION_STEPS = 8


def change_proportions(image: np.ndarray, points: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture with eyes, brows, nose, mouth, jaw and forehead of other sizes and places; its border stays.

    Args:
        image: (S, S, 3) uint8 RGB.
        points: landmarks (478, 3) in its pixels.
        seed: the same one draws the same proportions for everybody.

    Returns:
        The picture, and its landmarks, moved alike.
    """
    side = len(image)
    line = (np.arange(side // GRID_STEP) + 0.5) * GRID_STEP - 0.5
    grid = np.stack(np.meshgrid(line, line), -1)
    warp = _Warp(points, side, np.random.default_rng((0x5A9E, seed)))
    while warp.least_area(grid) < LEAST_AREA:
        warp.strength *= 0.85
    source = grid
    for _ in range(INVERSION_STEPS):
        source = grid - warp(source)
    offset = cv2.resize((source - grid).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    pixel = np.arange(side, dtype=np.float32)
    across, down = offset[..., 0] + pixel, offset[..., 1] + pixel[:, None]
    drawn = cv2.remap(image, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    moved = points.copy()
    moved[:, :2] += warp(points[:, :2])
    return drawn, moved


class _Warp:
    """How far every place of a picture moves: a sum of stretches and shifts, each about a feature of the face.

    Attributes:
        strength: of all of them.
    """

    def __init__(self, points: np.ndarray, side: int, rng: np.random.Generator):
        self.side = side
        self.strength = 1.0
        flat = points[:, :2]
        right = np.subtract(*flat[OUTER_EYE_CORNERS[::-1]])
        self.unit = float(np.linalg.norm(right))  # all lengths below are in distances of the eyes' outer corners
        self.axes = np.stack([right, [-right[1], right[0]]]) / self.unit
        eyes, mouth, chin = [flat[eye.iris] for eye in EYES], flat[MOUTH_CORNERS].mean(0), flat[CHIN]
        nose, between = (flat[NOSE_ROOT] + 2 * flat[NOSE_TIP]) / 3, np.mean(eyes, 0)
        jaw, cheeks, forehead = flat[JAW].mean(0), flat[CHEEKS].mean(0), flat[OVAL[0]]

        def draw(*spread: float) -> list[float]:
            return (rng.normal(0, 1, len(spread)).clip(-MOST, MOST) * spread).tolist()

        apart, level, open_eyes, brows = draw(0.025, 0.025, 0.09, 0.03)
        eye_reach, brow_place = (0.30, 0.26), 0.22 * self.unit * self.axes[1]
        self.terms = [
            # center, reach, stretch, shift; each across and along the face
            (between + 0.3 * (chin - between), (1.1, 1.3), draw(0.055, 0.045), (0, 0)),
            (eyes[0], eye_reach, (open_eyes, open_eyes), (-apart, level)),
            (eyes[1], eye_reach, (open_eyes, open_eyes), (apart, level)),
            (eyes[0] - brow_place, (0.36, 0.16), (0, 0), (0, brows)),
            (eyes[1] - brow_place, (0.36, 0.16), (0, 0), (0, brows)),
            (nose, (0.26, 0.36), draw(0.13, 0.09), (0, 0)),
            (mouth, (0.42, 0.24), draw(0.09, 0.12), (0, *draw(0.025))),
            (jaw, (0.85, 0.40), (*draw(0.08), 0), (0, 0)),
            (chin, (0.50, 0.34), (*draw(0.08), 0), (0, *draw(0.055))),
            (cheeks, (0.85, 0.30), (*draw(0.05), 0), (0, 0)),
            (forehead, (0.90, 0.40), (*draw(0.05), 0), (0, *draw(0.05))),
        ]

    def __call__(self, place: np.ndarray) -> np.ndarray:
        """Displacements of places (..., 2), in pixels."""
        moved = np.zeros(place.shape)
        for center, reach, stretch, shift in self.terms:
            offset = (place - center) @ self.axes.T / self.unit
            near = np.exp(-0.5 * np.square(offset / reach).sum(-1, keepdims=True))
            moved += near * (offset * stretch + shift)
        room = np.minimum(place, self.side - 1 - place).min(-1, keepdims=True) / (BORDER * self.side)
        room = room.clip(0, 1)
        return self.strength * self.unit * room * room * (3 - 2 * room) * (moved @ self.axes)

    def least_area(self, grid: np.ndarray) -> float:
        """What the warp leaves of the area of the place that it shrinks most."""
        moved = grid + self(grid)
        down, across = (np.gradient(moved, GRID_STEP, axis=axis) for axis in (0, 1))
        return float((across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]).min())
