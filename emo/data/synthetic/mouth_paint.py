"""What is seen in the open mouth of a warped portrait: no picture shows it, so it is painted."""

import cv2
import numpy as np

from emo.face.mesh import INNER_LIPS_MIDDLE, INNER_MOUTH_CORNERS
from emo.motion.mesh.topology import MOUTH_RING


def paint_mouth(drawn: np.ndarray, points: np.ndarray, light: float) -> None:
    """Fill the open mouth, in place: dark, a strip of teeth under the upper lip, the tongue below.

    Args:
        drawn: (S, S, 3) uint8 RGB.
        points: landmarks (478 or more, 2) in its pixels.
        light: of the scene, 1 for a bright one.
    """
    ring = points[MOUTH_RING]
    low = np.maximum(np.floor(ring.min(0)).astype(int) - 3, 0)
    high = np.minimum(np.ceil(ring.max(0)).astype(int) + 4, len(drawn))
    if (high <= low).any():
        return
    patch = drawn[low[1] : high[1], low[0] : high[0]]
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round((ring - low) * 16).astype(np.int32)], (255,), shift=4)
    (left, right), (top, bottom) = points[INNER_MOUTH_CORNERS], points[INNER_LIPS_MIDDLE]
    axis = right - left
    half = np.linalg.norm(axis) / 2 + 1e-6
    axis = axis / (2 * half)
    row, column = np.mgrid[low[1] : high[1], low[0] : high[0]]
    x, y = column - top[0], row - top[1]
    # In half mouth widths: u sideways, v below the upper lip.
    u, v = (x * axis[0] + y * axis[1]) / half, (y * axis[0] - x * axis[1]) / half
    gap = np.linalg.norm(top - bottom) / half
    tongue = (
        np.clip((v - gap + 0.22) / 0.15, 0, 1) * np.clip(1 - (u / 0.6) ** 2, 0, 1) * np.clip((gap - 0.25) / 0.2, 0, 1)
    )
    teeth = np.clip((0.17 - 0.1 * u**2 - v) / 0.05, 0, 1) * np.clip((0.72 - np.abs(u)) / 0.2, 0, 1)
    teeth *= np.clip((gap - 0.04) / 0.08, 0, 1)
    seam = 1 - 0.18 * (np.abs((u * 4.5) % 1 - 0.5) > 0.44)
    color = np.full((*u.shape, 3), np.array([38.0, 14, 18]) * light)
    color += (np.array([125.0, 58, 62]) * light - color) * tongue[..., None]
    enamel = np.array([195.0, 185, 170]) * light * (seam * (1 - 0.35 * np.abs(u)).clip(0, 1))[..., None]
    color += (enamel - color) * teeth[..., None]
    cover = cv2.GaussianBlur(mask, (0, 0), 0.004 * len(drawn) + 0.3)[..., None] / 255.0 * np.clip(gap / 0.05, 0, 1)
    patch[:] = (patch + (color - patch) * cover).clip(0, 255)
