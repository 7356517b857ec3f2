"""Landmarks as a linear function of named controls, in place of a 3DMM's mesh (3.2, supplement B)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from emo.errors import EmoError
from emo.face import FACE_SHARE, rotations
from emo.face.mean_face import mean_face
from emo.face.measures import check_landmarks
from emo.face.mesh import BROWS_68, EYES, NUM_LANDMARKS, NUM_SKIN_LANDMARKS, OVAL, RIGID
from emo.motion.controls import WIDE_EYES
from emo.motion.gohd.parts import EXPRESSION
from emo.motion.mesh.expression import Expression
from emo.motion.space import CONTROLS

NAMES = CONTROLS.only(*EXPRESSION).names
RANGES = {
    "jaw": (0.0, 1.0),
    "width": (-1.0, 1.0),
    "rounding": (0.0, 1.0),
    "blink": (WIDE_EYES, 1.0),
    "brow": (-1.0, 1.0),
    "smile": (-1.0, 1.0),
}
"""Of the controls that a basis is fitted to."""

DRAWS = 256  # of random controls to which one is fitted
SMALL = 0.5  # of a control, by which all are moved to see what straightening makes of it
PIXELS = 256 * FACE_SHARE / float(np.ptp(mean_face()[OVAL, 1]))
"""Of the distance between the eyes' centers, in a picture of the paper's 256 pixels in the default framing."""


@dataclass(frozen=True)
class LandmarkBasis:
    """FaceMesh's landmarks of a head that looks straight ahead, in distances of its eyes' centers: x right, y down, z
    away, about the point of `emo.face.mesh.RIGID`.

    Attributes:
        names: of the E controls.
        mean: (478, 3), where all of them are 0: lips closed, lids open.
        directions: (E, 478, 3), by which a control of 1 moves them.
    """

    names: tuple[str, ...]
    mean: Tensor
    directions: Tensor

    @classmethod
    def fit(cls, names: Sequence[str], controls: Tensor, landmarks: Tensor) -> "LandmarkBasis":
        """The basis that comes nearest to N faces, by least squares.

        Args:
            names: of the controls.
            controls: (N, E), more than E of them.
            landmarks: (N, 478, 3), of heads that look straight ahead; see `straightened`.

        Raises:
            EmoError: the controls are too few, or do not vary by themselves.
        """
        ones = torch.ones(len(controls), 1, dtype=torch.float64)
        known = torch.cat([ones, controls.double()], 1)
        if np.linalg.matrix_rank(known.numpy()) < known.shape[1]:
            raise EmoError(f"{len(controls)} faces do not tell what each of {', '.join(names)} does")
        found = torch.linalg.lstsq(known, landmarks.double().flatten(1)).solution.float()
        mean, *directions = found.unflatten(1, (NUM_LANDMARKS, 3)).unbind(0)
        return cls(tuple(names), mean, torch.stack(directions))

    @classmethod
    def of_face(cls, points: np.ndarray) -> "LandmarkBasis":
        """How `Expression` moves a face, (478, 3) as `straightened` gives it."""
        rng = np.random.default_rng(0)
        drawn = {name: rng.uniform(*RANGES[name], DRAWS) for name in NAMES}
        moved = expressed(points, drawn)
        controls = torch.from_numpy(np.stack([drawn[name] for name in NAMES], 1))
        return cls.fit(NAMES, controls, torch.from_numpy(moved))

    def displacements(self, controls: Tensor, points: Sequence[int] | None = None) -> Tensor:
        """By which controls (..., E) move all landmarks, or those numbered, (..., n, 3)."""
        directions = self.directions if points is None else self.directions[:, list(points)]
        return torch.einsum("...e,enx->...nx", controls, directions.to(controls))

    def landmarks(self, controls: Tensor) -> Tensor:
        """Landmarks (..., 478, 3) of controls (..., E)."""
        return self.mean.to(controls) + self.displacements(controls)

    def eye_features(self, controls: Tensor) -> Tensor:
        """f of supplement B, of controls (..., E): how far lids are apart, over the mean's, and how far each of ten
        points of the brows is moved aside and down, (..., 21)."""
        upper, lower = (list(row) for row in zip(*(pair for eye in EYES for pair in eye.lids), strict=True))
        own = (self.mean[lower, 1] - self.mean[upper, 1]).mean().to(controls)
        wider = (self.displacements(controls, lower) - self.displacements(controls, upper))[..., 1].mean(-1)
        brows = self.displacements(controls, BROWS_68)[..., :2].flatten(-2)
        return torch.cat([1 + wider[..., None] / own, brows], -1)

    def read(self, landmarks: np.ndarray, rest: np.ndarray | None = None) -> Tensor:
        """Controls (T, E) of one face, however the head stands, by least squares.

        Args:
            landmarks: (T, 478, 3) in pixels, as `track_face` gives.
            rest: (478, 3), the same face where all controls are 0; by default it rests as it stands in the median.

        Raises:
            EmoError: the landmarks are of another shape, or not finite.
        """
        straight = straightened(landmarks)
        own = np.median(straight, axis=0) if rest is None else straightened(np.asarray(rest)[None])[0]
        moved = torch.from_numpy(straight - own)[:, :NUM_SKIN_LANDMARKS].flatten(1)
        return torch.linalg.lstsq(self._seen().T, moved.T).solution.T.float()

    def _seen(self) -> Tensor:
        """Directions (E, n) as `straightened` shows them, for which rising brows are a head that nods a little."""
        moved = (self.mean + SMALL * self.directions).numpy()
        seen = straightened(np.concatenate([moved, self.mean.numpy()[None]]))[:, :NUM_SKIN_LANDMARKS]
        return torch.from_numpy((seen[:-1] - seen[-1]) / SMALL).flatten(1)


def expressed(points: np.ndarray, controls: dict[str, np.ndarray]) -> np.ndarray:
    """Landmarks (T, 478, 3) float64 of a face (478, 3) as `Expression` moves it by controls (T,)."""
    look = np.zeros(len(controls["jaw"]))
    return Expression(points, {}, float(np.ptp(points[OVAL, 1])))({**controls, "gaze_y": look})


def straightened(landmarks: np.ndarray) -> np.ndarray:
    """One face as it looks straight ahead, in distances of its eyes' centers, (T, 478, 3) float64.

    Args:
        landmarks: (T, 478, 3) in pixels, as `track_face` gives.

    Raises:
        EmoError: they are of another shape, or not finite.
    """
    points = check_landmarks(landmarks)
    numbers, canonical = list(RIGID), np.array(list(RIGID.values()))
    center = canonical.mean(0)
    head = (points - points[:, numbers].mean(1, keepdims=True)) @ rotations(points)
    size = (head[:, numbers] * (canonical - center)).sum((1, 2)) / ((canonical - center) ** 2).sum()
    return head / size[:, None, None] + center


@cache
def mean_basis() -> LandmarkBasis:
    """Of the mean face, made once in a process."""
    return LandmarkBasis.of_face(mean_face())
