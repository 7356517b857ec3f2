"""What is seen between open lips: the portrait's own teeth where it shows them, painted ones elsewhere."""

import cv2
import numpy as np

from emo.face.mesh import CHEEKS, INNER_LIPS_MIDDLE, INNER_MOUTH_CORNERS
from emo.motion.mesh.topology import MOUTH_RING

AROUND_MOUTH = [164, 18, 92, 322]  # skin over and under the lips

# Lengths are in halves of the mouth's width, colors those of bright light.
EDGE_BELOW_LIP = 0.10  # from a resting upper lip down to the upper teeth's edge
TEETH_BEHIND = 0.10  # teeth behind lips
ARC = 0.16  # by which the row of teeth rises toward the sides
HALVES = (0.0, 0.31, 0.56, 0.78, 0.95)  # where one tooth of a side ends and the next begins
LOWER_ABOVE_LIP = 0.04  # lower teeth's edge above the lower lip
LOWER_FROM = 0.32  # gap from which lower teeth and tongue are seen
ENAMEL, TONGUE, FLESH, DEPTH = (
    np.array(c, np.float32) for c in ((206, 197, 180), (158, 82, 84), (92, 36, 38), (26, 9, 11))
)
OWN_FROM = 0.12  # gap of a portrait's own lips from which its teeth are taken
OWN_LIGHT = 0.5  # of the skin's light, that teeth have at least


class MouthInside:
    """The inside of one portrait's mouth.

    Args:
        picture: (H, W, 3) uint8 RGB.
        landmarks: (478, 3) in its pixels.
        match: whether painted teeth take the color of the portrait's own, where it shows them.

    Attributes:
        shown: how bright the portrait's own teeth are against its skin; 0 where it shows none.
    """

    def __init__(self, picture: np.ndarray, landmarks: np.ndarray, match: bool = False):
        height, width = picture.shape[:2]
        places = landmarks[[*CHEEKS, *AROUND_MOUTH], :2].astype(int).clip(0, [width - 1, height - 1])
        skin = picture[places[:, 1], places[:, 0]].astype(np.float32)
        self._light = float(np.clip(skin.mean() / 255 * 1.3, 0.25, 1.0))
        tint = skin.mean(0) / max(skin.mean(), 1)
        self._tint = (1 + 0.25 * (tint - 1)).astype(np.float32)
        self._tooth = self._light * ENAMEL * self._tint
        corners = landmarks[INNER_MOUTH_CORNERS, :2]
        self._own_half = float(np.linalg.norm(corners[0] - corners[1]) / 2)
        self._own_lip = landmarks[INNER_LIPS_MIDDLE[0], :2]
        self.shown = 0.0
        self._own = self._own_cover(picture, landmarks, float(skin.mean()))
        self._picture = picture
        if match and self._own is not None and (self._own > 0.5).any():
            inside = picture[self._own > 0.5].astype(np.float32)
            bright = inside.mean(-1) >= np.percentile(inside.mean(-1), 60)
            self._tooth = np.median(inside[bright], axis=0)

    def _own_cover(self, picture: np.ndarray, landmarks: np.ndarray, skin: float) -> np.ndarray | None:
        """Where the portrait shows its own teeth, (H, W) float32, if it does."""
        upper, lower = landmarks[INNER_LIPS_MIDDLE, :2]
        if np.linalg.norm(upper - lower) / self._own_half < OWN_FROM:
            return None
        mask = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.round(landmarks[MOUTH_RING, :2]).astype(np.int32)], (255,))
        if picture[mask > 0].size == 0:
            return None
        light = float(np.percentile(picture[mask > 0].mean(-1), 75))
        if light < OWN_LIGHT * skin:
            return None
        self.shown = light / max(skin, 1)
        soft = cv2.GaussianBlur(mask, (0, 0), 0.04 * self._own_half + 0.3).astype(np.float32) / 255
        return np.clip(2 * soft - 1, 0, 1)

    def paint(self, frame: np.ndarray, points: np.ndarray, teeth: np.ndarray, linear: np.ndarray) -> None:
        """Fill an open mouth, in place.

        Args:
            frame: (H, W, 3) uint8 RGB.
            points: landmarks (478 or more, 2) in its pixels.
            teeth: (2,) pixels, where the middle of the resting upper lip's edge would be at the depth of the teeth.
            linear: (2, 2), how the portrait's pixels are turned.
        """
        ring = points[MOUTH_RING]
        low = np.maximum(np.floor(ring.min(0)).astype(int) - 3, 0)
        high = np.minimum(np.ceil(ring.max(0)).astype(int) + 4, frame.shape[1::-1])
        top, bottom = points[INNER_LIPS_MIDDLE]
        half = self._own_half * np.sqrt(abs(np.linalg.det(linear))) + 1e-6
        gap = float(np.linalg.norm(bottom - top)) / half
        if (high <= low).any() or gap < 0.01:
            return
        patch = frame[low[1] : high[1], low[0] : high[0]]
        mask = np.zeros(patch.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.round((ring - low) * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
        left, right = points[INNER_MOUTH_CORNERS]
        axis = (right - left) / (np.linalg.norm(right - left) + 1e-6)
        row, column = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(np.float32)
        color = self._cavity(column, row, (top + bottom) / 2, axis, half, gap)
        if gap > LOWER_FROM:
            self._lower(color, column - bottom[0], row - bottom[1], axis, half, gap)
        self._upper(color, column - teeth[0], row - teeth[1], axis, half)
        if self._own is not None:
            self._lay_own(color, self._own, low, teeth, linear)
        soft = cv2.GaussianBlur(mask, (0, 0), 0.05 * half + 0.4).astype(np.float32) / 255
        color *= (0.45 + 0.55 * np.clip(2 * soft - 0.9, 0, 1))[..., None]  # lips shade what is behind them
        edge = cv2.GaussianBlur(mask, (0, 0), 0.012 * half + 0.35).astype(np.float32) / 255
        cover = (edge * min(gap / 0.05, 1))[..., None]
        patch[:] = (patch + cover * (color - patch)).clip(0, 255)

    def _cavity(self, column, row, middle: np.ndarray, axis: np.ndarray, half: float, gap: float) -> np.ndarray:
        """Flesh, dark in the middle."""
        u, v = _along(column - middle[0], row - middle[1], axis, half)
        deep = np.exp(-((u / 0.75) ** 2) - (v / (0.42 * gap + 0.02)) ** 2)[..., None]
        return self._light * (FLESH + (DEPTH - FLESH) * deep)

    def _lower(self, color: np.ndarray, x, y, axis: np.ndarray, half: float, gap: float) -> None:
        """Tongue and lower teeth, which go with the lower lip whose middle is at 0."""
        u, v = _along(x, y, axis, half)
        seen = min((gap - LOWER_FROM) / 0.25, 1)
        tongue = np.clip((v + 0.36 - 0.25 * u**2) / 0.22, 0, 1) * np.clip((0.62 - np.abs(u)) / 0.25, 0, 1)
        _blend(color, self._light * TONGUE * (0.75 + 0.25 * np.clip(1 + v, 0, 1))[..., None], 0.75 * seen * tongue)
        edge = np.clip((v + LOWER_ABOVE_LIP - 0.10 * u**2) / 0.05, 0, 1) * np.clip((0.6 - np.abs(u)) / 0.15, 0, 1)
        _blend(color, self._enamel(u, 0.8), 0.8 * seen * edge)

    def _upper(self, color: np.ndarray, x, y, axis: np.ndarray, half: float) -> None:
        """Upper teeth, which stay with the skull; the edge of the resting lip is at 0."""
        u, v = _along(x, y, axis, half)
        bounds = np.array(HALVES)
        tooth = np.searchsorted(bounds, np.abs(u), side="right").clip(1, len(bounds) - 1)
        begin, end = bounds[tooth - 1], bounds[tooth]
        place = (np.abs(u) - begin) / (end - begin)
        rounded = 0.03 * (2 * place - 1) ** 4 + 0.02 * (tooth == 2)
        cover = np.clip((EDGE_BELOW_LIP - ARC * u**2 - rounded - v) / 0.035 + 0.5, 0, 1)
        cover *= np.clip((bounds[-1] - np.abs(u)) / 0.12, 0, 1)
        seam = 1 - 0.16 * np.exp(-((np.minimum(place, 1 - place) * (end - begin) / 0.02) ** 2))
        _blend(color, self._enamel(u, seam), cover)

    def _enamel(self, u: np.ndarray, shade: np.ndarray | float) -> np.ndarray:
        return self._tooth * (shade * (1 - 0.5 * np.clip(u**2, 0, 1)))[..., None]

    def _lay_own(
        self, color: np.ndarray, own: np.ndarray, low: np.ndarray, teeth: np.ndarray, linear: np.ndarray
    ) -> None:
        """The portrait's own teeth where its own lip is at rest."""
        matrix = np.column_stack([linear, teeth - low - linear @ self._own_lip])
        size = color.shape[1::-1]
        drawn = cv2.warpAffine(self._picture, matrix, size, flags=cv2.INTER_LINEAR)
        _blend(color, drawn.astype(np.float32), cv2.warpAffine(own, matrix, size, flags=cv2.INTER_LINEAR))


def _along(x: np.ndarray, y: np.ndarray, axis: np.ndarray, half: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixels as u along the mouth and v down from it."""
    return (x * axis[0] + y * axis[1]) / half, (y * axis[0] - x * axis[1]) / half


def _blend(color: np.ndarray, other: np.ndarray, cover: np.ndarray) -> None:
    color += cover[..., None] * (other - color)
