"""Irises that look about: taken out of the portrait once, laid into its eyes frame by frame."""

from dataclasses import dataclass

import cv2
import numpy as np

from emo.face.mesh import EYES

RIM = 1.25  # radii of the iris: what is painted over
EDGE = 0.25  # of the radius, over which an iris fades into the white
MIN_CONTRAST = 12.0  # of 255, by which an iris is darker than the white about it
MIN_RADIUS = 1.5  # pixels
SHADE = 0.35  # of the white's light, that the upper lid takes
INSET = 0.12  # of the gap between the lids, which lashes are left
BRIGHT = 65  # percentile of what is seen of the white, that is taken for it


@dataclass(frozen=True)
class Iris:
    """One iris of a portrait.

    Attributes:
        picture: (s, s, 3) float32 RGB, whole: what lids hide is made up.
        cover: (s, s) float32, 0 to 1.
        center: (2,) pixels, within `picture`.
        ring: vertices of the lids' edge.
    """

    picture: np.ndarray
    cover: np.ndarray
    center: np.ndarray
    ring: list[int]


def take_irises(picture: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, list[Iris | None]]:
    """A portrait whose eyes are white, and its irises; None for one that cannot be told from the white.

    Args:
        picture: (H, W, 3) uint8 RGB.
        landmarks: (478, 3) in its pixels.
    """
    white, irises = picture.copy(), []
    for eye in EYES:
        rim = landmarks[eye.iris + 1 : eye.iris + 5, :2]
        center = landmarks[eye.iris, :2]
        radius = float(np.linalg.norm(rim - center, axis=1).mean())
        irises.append(_take(picture, white, landmarks[eye.ring, :2], center, radius, eye.ring))
    return white, irises


def _take(picture, white, lids: np.ndarray, center: np.ndarray, radius: float, ring: list[int]) -> Iris | None:
    """One iris; it is painted over in `white`."""
    reach = 2.2 * radius
    low = np.maximum(np.floor(np.minimum(lids.min(0), center - reach)).astype(int), 0)
    high = np.ceil(np.maximum(lids.max(0), center + reach)).astype(int) + 1
    patch = picture[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    if radius < MIN_RADIUS or min(patch.shape[:2]) < 2 * radius:
        return None
    lids, center = lids - low, center - low
    row, column = np.mgrid[: patch.shape[0], : patch.shape[1]]
    apart = np.hypot(column - center[0], row - center[1]) / radius
    half = len(lids) // 2 + 1
    top = np.interp(column[0], *_ascending(lids[:half]))
    bottom = np.interp(column[0], *_ascending(np.concatenate([lids[half - 1 :], lids[:1]])))
    height = (row - top) / np.maximum(bottom - top, 1e-3)  # 0 at the upper lid, 1 at the lower one
    within = (column >= lids[:, 0].min()) & (column <= lids[:, 0].max())
    open_eye = within & (height > INSET) & (height < 1 - INSET / 2)
    light = patch.mean(-1)
    seen_white, seen_iris = open_eye & (apart > RIM) & (apart < 2.2), open_eye & (apart < 0.9)
    if seen_white.sum() < 4 or seen_iris.sum() < 4:
        return None
    if np.percentile(light[seen_white], BRIGHT) - light[seen_iris].mean() < MIN_CONTRAST:
        return None
    bright = light[seen_white] >= np.percentile(light[seen_white], BRIGHT)
    color = patch[seen_white][bright].mean(0)
    shade = 1 - SHADE * np.clip(1 - height / 0.45, 0, 1)
    fade = cv2.GaussianBlur((open_eye & (apart < RIM)).astype(np.float32), (0, 0), 0.08 * radius + 0.3)[..., None]
    painted = patch + fade * (color * shade[..., None] - patch)
    white[low[1] : high[1], low[0] : high[0]] = painted.round().clip(0, 255)
    cover = np.clip((1 - apart) / EDGE + 0.5, 0, 1).astype(np.float32)
    return Iris(_completed(patch, open_eye & (apart < 1.2), center, apart), cover, center, ring)


def _completed(patch: np.ndarray, seen: np.ndarray, center: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """The iris with what its other half shows where it is not seen, and its rings' mean colors elsewhere."""
    rings = np.round(apart * 8).astype(int).clip(0, 12)
    total = np.bincount(rings[seen], minlength=13)
    mean = (
        np.stack([np.bincount(rings[seen], patch[seen, c], 13) for c in range(3)], 1) / np.maximum(total, 1)[:, None]
    )
    known = np.flatnonzero(total)
    mean = np.stack([np.interp(np.arange(13), known, mean[known, c]) for c in range(3)], 1)
    whole = np.where(seen[..., None], patch, mean[rings]).astype(np.float32)
    mirror = np.array([[1, 0, 0], [0, -1, 2 * center[1]]], np.float64)
    size = patch.shape[1::-1]
    other = cv2.warpAffine(patch, mirror, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    there = cv2.warpAffine(seen.astype(np.float32), mirror, size, flags=cv2.INTER_LINEAR)
    share = np.where(seen, 0, there)[..., None]
    return (whole + share * (other - whole)).astype(np.float32)


def _ascending(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and y of a lid's edge from left to right."""
    return tuple(line[np.argsort(line[:, 0])].T)


def lay_iris(frame: np.ndarray, iris: Iris, lids: np.ndarray, center: np.ndarray, linear: np.ndarray) -> None:
    """Draw an iris between the lids, in place.

    Args:
        frame: (H, W, 3) uint8 RGB.
        iris: what is drawn.
        lids: (n, 2) pixels of the lids' edge.
        center: (2,) pixels.
        linear: (2, 2), how the portrait's pixels are turned.
    """
    low = np.maximum(np.floor(lids.min(0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(lids.max(0)).astype(int) + 2, frame.shape[1::-1])
    if (high - low < 2).any() or np.abs(np.linalg.det(linear)) < 0.05:
        return
    patch = frame[low[1] : high[1], low[0] : high[0]]
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round((lids - low) * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    matrix = np.column_stack([linear, center - low - linear @ iris.center])
    size = patch.shape[1::-1]
    drawn = cv2.warpAffine(iris.picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpAffine(iris.cover, matrix, size, flags=cv2.INTER_LINEAR)
    cover *= cv2.GaussianBlur(mask, (0, 0), 0.6) * np.float32(1 / 255)
    patch[:] = (patch + cover[..., None] * (drawn - patch)).round()
