"""How the controls move a face's vertices in the head: lips, jaw, lids, brows, smile."""

import numpy as np

from emo.face.mesh import (
    EYES,
    LOWER_BROWS,
    LOWER_LIP_ROWS,
    MOUTH_CORNERS,
    UPPER_BROWS,
    UPPER_LIP_ROWS,
)
from emo.motion.reading import LIFT, ROUND, SPREAD

WIDE_OPEN = 0.34  # gap between the lips over the mouth's width at a jaw of 1
UPPER_SHARE = 0.16  # of the gap that the upper lip makes
POUT = 0.06  # of the mouth's width, by which rounded lips stand forward
RAISE = 0.03  # of the face's height, by which brows rise
BROW_REACH = 0.07  # of the face's height: skin about the brows goes along
CLOSED = 0.97  # of the gap between the lids, that is left of it at a blink of 1, less
CREASE = 0.45  # of a lid's way that the crease above it takes part in
LOOK = (0.42, 0.25)  # halves of an eye's width by which irises move aside and up
LID_FOLLOWS = (0.10, 0.30)  # blink by which upper lids rise with a look up, fall with one down
BROWS = [*UPPER_BROWS[0], *LOWER_BROWS[0], *UPPER_BROWS[1], *LOWER_BROWS[1]]


class Expression:
    """One face, as it looks straight ahead.

    Args:
        points: (V, 3) the landmarks, x right, y down, z away, and after them the vertices in `middles`.
        middles: vertices between others: the number of each, and those whose mean it is.
        height: of the face's oval.
    """

    def __init__(self, points: np.ndarray, middles: dict[int, list[int]], height: float):
        self.points, self._middles, self._height = points, middles, height
        corners = points[MOUTH_CORNERS]
        self.mouth_width = width = float(np.linalg.norm(corners[0] - corners[1]))
        u, v = ((points - corners.mean(0)) / (width / 2))[:, 0], ((points - corners.mean(0)) / width)[:, 1]
        near = np.exp(-(np.clip(np.abs(u) - 1, 0, None) ** 2) / 0.3) * np.exp(-((v / 0.45) ** 2))
        self._spread = width / 2 * u * near
        self._lift = -width * np.clip(np.abs(u), 0, 1) ** 2 * near
        self._pout = -width * np.exp(-((u / 0.9) ** 2) - (v / 0.35) ** 2)
        self._jaw = 0.53 * np.exp(-((u / 1.9) ** 2)) * np.clip(v / 0.25, 0, 1)
        under_nose = (v < 0) & (v > -0.4) & (np.abs(u) < 1.3)
        self._jaw[under_nose] = -0.06 * np.clip(1 - np.abs(u[under_nose]) / 1.3, 0, 1)
        # Every column of the lips has the gap that it has, and a share of the one that is wanted.
        upper, lower = (np.array(rows)[:, 1:-1] for rows in (UPPER_LIP_ROWS, LOWER_LIP_ROWS))
        self._gap = np.clip(points[lower[-1], 1] - points[upper[-1], 1], 0, None)
        self._profile = np.sqrt(np.clip(1 - u[upper[-1]] ** 2, 0, 1))
        self._upper, self._lower = upper, lower
        apart = np.linalg.norm(points[:, None, :2] - points[BROWS, :2], axis=2).min(1) / height
        self._brow = np.exp(-((apart / BROW_REACH) ** 2))
        for eye in EYES:
            self._brow[[*eye.lower, *eye.upper, *eye.corners]] = 0
            self._brow[eye.crease] *= 0.5

    @property
    def own_gap(self) -> float:
        """Between the middles of the portrait's lips."""
        return float(self._gap[len(self._gap) // 2])

    def __call__(self, control: dict[str, np.ndarray]) -> np.ndarray:
        """Vertices (T, V, 3) for controls (T,)."""
        column = {name: values[:, None] for name, values in control.items()}
        wanted = column["jaw"].clip(0) * WIDE_OPEN * self.mouth_width
        points = np.repeat(self.points[None], len(wanted), 0)
        points[..., 0] += (SPREAD * column["width"] - ROUND * column["rounding"]) * self._spread
        points[..., 1] += LIFT * column["smile"] * self._lift - RAISE * column["brow"] * self._height * self._brow
        points[..., 2] += POUT * column["rounding"] * self._pout
        change = wanted * self._profile - self._gap
        down = (wanted - self.own_gap) * self._jaw
        for row in range(len(self._upper)):
            down[:, self._upper[row]] = -UPPER_SHARE * change
            down[:, self._lower[row]] = (1 - UPPER_SHARE) * change
        points[..., 1] += down
        self._close_lids(points, column["blink"], column["gaze_y"])
        for vertex, others in self._middles.items():
            points[:, vertex] = points[:, others].mean(1)
        return points

    def irises(self, control: dict[str, np.ndarray]) -> np.ndarray:
        """Centers of both irises, (T, 2, 3)."""
        look = np.stack([LOOK[0] * control["gaze_x"], -LOOK[1] * control["gaze_y"], 0 * control["gaze_x"]], 1)
        half = [np.linalg.norm(np.subtract(*self.points[eye.corners])) / 2 for eye in EYES]
        return self.points[[eye.iris for eye in EYES]] + look[:, None].clip(-0.5, 0.5) * np.array(half)[:, None]

    def _close_lids(self, points: np.ndarray, blink: np.ndarray, look: np.ndarray) -> None:
        follow = -LID_FOLLOWS[0] * look.clip(0, 1) + LID_FOLLOWS[1] * (-look).clip(0, 1)
        shut = (blink + follow * (1 - blink.clip(0))).clip(-0.4, 1)[..., None]
        for eye in EYES:
            fall = (points[:, eye.lower] - points[:, eye.upper]) * CLOSED * shut
            points[:, eye.upper] += fall
            points[:, eye.crease] += CREASE * fall
