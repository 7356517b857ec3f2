"""Everything around the face: hair, neck and shoulders follow the head by a smooth field that fades to the border."""

from typing import Any

import cv2
import numpy as np

from emo.face.mesh import OVAL
from emo.motion.mesh.head import Head

CELLS = 64  # of the field's grid along the longer side of the picture
STEPS, STEP = 8, 0.6  # of the search for where a pixel comes from: how many, and their share of what is missing
BEHIND = 0.22  # of the face's width: how far hair lies behind its outline
WITH_HEAD = (1.25, 2.5)  # extents of the face up to which all turns with the head, and from which nothing does
NECK = (0.45, 0.28)  # face heights below the face's middle where the neck begins, and over which it stops to turn
FINER = 4  # points of the outline between two of the mesh
SKIN = 0.16  # of the face's height, over which what the skin does fades
BORDER = 0.4  # of the face's width from the border, over which what moves inward fades


class Surroundings:
    """The picture around one face.

    Args:
        landmarks: (478, 3) in the picture's pixels.
        head: the face's.
        covered: (H, W) bool, where the picture shows the face.
    """

    def __init__(self, landmarks: np.ndarray, head: Head, covered: np.ndarray):
        height, width = covered.shape
        self._head, self._shape = head, (height, width)
        self._beside = _nearest_free(covered)
        step = max(height, width) / CELLS
        self._cells = max(2, round(height / step)), max(2, round(width / step))
        rows, columns = self._cells
        self._step = np.array([(width - 1) / (columns - 1), (height - 1) / (rows - 1)])
        self._limit = np.array([width - 1, height - 1], np.float32)
        column, row = np.meshgrid(np.arange(columns), np.arange(rows))
        place = np.stack([column, row], -1).reshape(-1, 2) * self._step
        self._place = place.reshape(rows, columns, 2).astype(np.float32)

        oval = landmarks[OVAL]
        outline = oval[:, :2].astype(np.float32)
        outside = [-cv2.pointPolygonTest(outline, (float(x), float(y)), True) for x, y in place]
        outside = np.maximum(outside, 0)
        roll = head.rest[:2, 0] / np.linalg.norm(head.rest[:2, 0])
        axes = np.stack([roll, [-roll[1], roll[0]]], 1)
        local = (place - (outline.min(0) + outline.max(0)) / 2) @ axes
        extent = np.ptp(outline @ axes, axis=0)
        along = local[:, 1] / extent[1]
        reach = np.hypot(local[:, 0] / (0.5 * extent[0]), (along + 0.08) / 0.56)
        turns = smooth_step((WITH_HEAD[1] - reach) / (WITH_HEAD[1] - WITH_HEAD[0]))
        turns *= np.exp(-((np.clip(along - NECK[0], 0, None) / NECK[1]) ** 2))
        room = np.minimum(outline.min(0), [width, height] - outline.max(0)).clip(1)
        fade = np.minimum(BORDER * head.width, room)
        self._border = smooth_step(np.minimum(place, [width - 1, height - 1] - place) / fade)
        self._inward = np.sign([(width - 1) / 2, (height - 1) / 2] - place)
        self._turns = turns[:, None]
        near = _nearness(place, oval[:, :2], step)
        depth = near @ oval[:, 2] + BEHIND * head.width * (1 - np.exp(-outside / (0.25 * head.width)))
        self._start = np.column_stack([place, depth]) - head.pivot
        self._near = (near * np.exp(-((outside / (SKIN * head.height)) ** 2))[:, None]).astype(np.float32)

    def origins(self, matrix: np.ndarray, scale: float, shift: np.ndarray, skin: np.ndarray) -> np.ndarray:
        """Where every pixel of a frame comes from in the picture, (H, W, 2) float32: x and y.

        Args:
            matrix: (3, 3), `scale`, `shift` (2,): a frame of `Turn`.
            skin: (36, 2) pixels by which the expression moves the face's oval in the frame.
        """
        start = self._start
        moved = start[:, :2] + self._turns * (self._head.turned(start, matrix)[:, :2] - start[:, :2])
        moved = scale * moved + shift + self._near @ skin
        offset = moved - start[:, :2]
        offset *= np.where(offset * self._inward > 0, self._border, 1)  # the border lets out, but nothing in
        offset = offset.astype(np.float32).reshape(*self._cells, 2)
        found = self._place - offset
        for _ in range(STEPS):
            across, down = (found / self._step.astype(np.float32)).transpose(2, 0, 1)
            there = cv2.remap(
                offset,
                np.ascontiguousarray(across),
                np.ascontiguousarray(down),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            found += STEP * (self._place - there - found)
        one_map: Any = None  # both coordinates are in the first one, which the stubs do not know
        beside = cv2.remap(self._beside, found, one_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        inside = ((found >= 0) & (found <= self._limit)).all(-1, keepdims=True)
        return _enlarged(np.where(inside, beside, found), self._shape)


def _nearest_free(covered: np.ndarray) -> np.ndarray:
    """For every pixel the place of the nearest one that is not covered, (H, W, 2) float32: x and y."""
    row, column = np.indices(covered.shape, np.float32)
    if covered.all():
        return np.stack([column, row], -1)
    _, label = cv2.distanceTransformWithLabels(
        covered.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.zeros((label.max() + 1, 2), np.float32)
    place[label[~covered]] = np.stack([column, row], -1)[~covered]
    return place[np.asarray(label, np.int64)]


def _nearness(place: np.ndarray, ring: np.ndarray, step: float) -> np.ndarray:
    """How much every point of a closed ring (n, 2) counts at places (P, 2), (P, n): on the ring its nearest alone."""
    count = len(ring)
    share = np.arange(count * FINER) / FINER
    line = np.maximum(1 - np.abs((share[:, None] - np.arange(count) + count / 2) % count - count / 2), 0)
    apart = ((line @ ring - place[:, None]) ** 2).sum(-1)
    weight = 1 / (apart + step**2 / 4) ** 2
    return weight / weight.sum(1, keepdims=True) @ line


def smooth_step(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, without a kink in between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _enlarged(grid: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Values on a grid whose corners are the picture's corner pixels, at every pixel."""
    rows, columns = grid.shape[:2]
    height, width = shape
    matrix = np.array([[(width - 1) / (columns - 1), 0, 0], [0, (height - 1) / (rows - 1), 0]], np.float64)
    return cv2.warpAffine(grid, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
