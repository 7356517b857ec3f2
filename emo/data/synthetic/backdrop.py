"""Another background for a portrait: the person cut out, by MediaPipe's selfie segmentation, and walls to stand at."""

from functools import lru_cache

import cv2
import numpy as np

from emo.face.runner import People, open_people

SMALL = 128  # pixels of the copy on which colors are carried into the unknown
SURE = 0.03  # coverage that is as good as none, and as good as full where it is missing
BAND = 0.022  # of the side: how far the contour of the segmentation may be off
DIFFERENT = 50.0  # levels between person and wall from which colors alone decide
ROUGH = 12.0  # levels by which a wall varies that is not plain


@lru_cache(maxsize=1)
def _people() -> People:
    return open_people()


def cut_out(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far every pixel shows the person, (S, S) float32 from 0 to 1, and the person's own colors, (S, S, 3) uint8.

    Along the contour of the segmentation a pixel's share is told by its color between those of the person and of the
    background beside it, as far as they differ and the background is plain: that keeps single hairs.

    Args:
        image: (S, S, 3) uint8 RGB.
    """
    coarse = _people()(np.ascontiguousarray(image))
    picture = image.astype(np.float32)
    reach = max(1, round(BAND * len(image)))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    inner = cv2.erode((coarse > 1 - SURE).astype(np.float32), disk)
    outer = cv2.dilate((coarse > SURE).astype(np.float32), disk)
    person, _ = _carried(picture, inner)
    wall, rough = _carried(picture, 1 - outer)
    apart = person - wall
    share = ((picture - wall) * apart).sum(-1) / np.maximum(np.square(apart).sum(-1), 1)
    share = ((share - 0.12) / 0.6).clip(0, 1)
    trust = (np.linalg.norm(apart, axis=-1) / DIFFERENT).clip(0, 1) * np.exp(-rough / ROUGH)
    guide = cv2.ximgproc.guidedFilter(picture / 255, coarse, reach, 1e-4)
    cover = guide.clip(0, 1) + trust * (share - guide.clip(0, 1))
    cover = np.maximum(cover * outer, inner)
    pure = wall + (picture - wall) / np.maximum(cover, 0.3)[..., None]
    return cover, pure.round().clip(0, 255).astype(np.uint8)


def _carried(picture: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture's colors (S, S, 3) carried from where they are `known` (S, S) to where they are not, and how much
    those beside a place vary, (S, S) levels."""
    side = len(picture)
    small = (SMALL, SMALL)
    weight = cv2.resize(known, small, interpolation=cv2.INTER_AREA)
    color = cv2.resize(picture * known[..., None], small, interpolation=cv2.INTER_AREA)
    square = cv2.resize((picture * known[..., None]).astype(np.float32) ** 2, small, interpolation=cv2.INTER_AREA)
    mean, spread, found = np.zeros_like(color), np.zeros_like(weight), np.full_like(weight, 1e-6)
    for sigma in (2.0, 8.0, 32.0):  # the nearest that there are
        near = cv2.GaussianBlur(weight, (0, 0), sigma) + 1e-6
        value = cv2.GaussianBlur(color, (0, 0), sigma) / near[..., None]
        change = cv2.GaussianBlur(square, (0, 0), sigma) / near[..., None] - value**2
        trust = (near / 0.1).clip(0, 1) * (1 - found.clip(0, 1))
        mean += value * trust[..., None]
        spread += np.sqrt(change.clip(0).mean(-1)) * trust
        found += trust
    large = (side, side)
    return cv2.resize(mean / found[..., None], large), cv2.resize(spread / found, large)


def draw_backdrop(side: int, rng: np.random.Generator) -> np.ndarray:
    """A wall, a blurred room or blurred greenery, (side, side, 3) uint8 RGB."""
    line = np.linspace(0, 1, side, dtype=np.float32)
    row, column = np.meshgrid(line, line, indexing="ij")
    top, bottom = _muted(rng), _muted(rng)
    bottom = top + rng.uniform(0.1, 0.8) * (bottom - top)
    slope = rng.uniform(-0.5, 0.5)
    fall = (row + slope * (column - 0.5)).clip(0, 1)[..., None]
    picture = top + fall * (bottom - top)
    for _ in range(int(rng.choice([0, 6, 14]))):
        center, size = rng.uniform(0, side, 2), rng.uniform(0.05, 0.35, 2) * side
        color, opacity = _muted(rng), rng.uniform(0.3, 0.9)
        shape = np.zeros((side, side), np.float32)
        if rng.random() < 0.6:
            low, high = (center - size).astype(int), (center + size).astype(int)
            cv2.rectangle(shape, low.tolist(), high.tolist(), (opacity,), -1)
        else:
            cv2.ellipse(shape, center.astype(int).tolist(), size.astype(int).tolist(), 0, 0, 360, (opacity,), -1)
        picture += shape[..., None] * (color - picture)
    picture = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), rng.uniform(0.008, 0.04) * side)
    grain = cv2.resize(rng.normal(0, 1, (side // 2, side // 2)).astype(np.float32), (side, side))
    return (255 * picture + rng.uniform(0, 2.5) * grain[..., None]).round().clip(0, 255).astype(np.uint8)


def _muted(rng: np.random.Generator) -> np.ndarray:
    """A color of walls and rooms, (3,) from 0 to 1."""
    hue, saturation, value = rng.uniform(0, 360), rng.beta(1.2, 5.0), rng.uniform(0.1, 0.95)
    pixel = np.array([[[hue, saturation, value]]], np.float32)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float64)
