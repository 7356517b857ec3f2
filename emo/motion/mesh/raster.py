"""Triangles in a picture: which of them is seen at every pixel, and where its pixels lie on the triangle of origin."""

import cv2
import numpy as np

EDGE_ON = 0.35  # pixels: triangles less high own pixels beyond their edges


def draw_triangles(corner: np.ndarray, depth: np.ndarray, shape: tuple[int, int], empty: int = 0) -> np.ndarray:
    """Numbers of the triangles that are seen, (H, W) int32: far ones first, near ones over them.

    Args:
        corner: (N, 3, 2) pixels; a pixel's center counts as whole.
        depth: (N,), larger is farther.
        shape: of the picture, H and W.
        empty: number where there is no triangle.
    """
    owner = np.full(shape, empty, np.int32)
    fixed = np.round(corner * 16).astype(np.int32)
    order = np.argsort(-depth, kind="stable")
    for index, triangle in zip(order.tolist(), fixed[order], strict=True):
        cv2.fillConvexPoly(owner, triangle, index, cv2.LINE_8, 4)
    return owner


def triangle_maps(corner: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """Coefficients (6, N) float32 of x' = a x + b y + c, y' = d x + e y + f, from triangles (N, 3, 2) to `origin`."""
    (x1, y1), (x2, y2) = (corner[:, 1] - corner[:, 0]).T, (corner[:, 2] - corner[:, 0]).T
    (u1, v1), (u2, v2) = (origin[:, 1] - origin[:, 0]).T, (origin[:, 2] - origin[:, 0]).T
    scale = x1 * y2 - x2 * y1
    scale = 1 / np.where(np.abs(scale) < 1e-6, 1e-6, scale)  # a triangle seen edge-on owns no pixel
    a, b = (u1 * y2 - u2 * y1) * scale, (u2 * x1 - u1 * x2) * scale
    d, e = (v1 * y2 - v2 * y1) * scale, (v2 * x1 - v1 * x2) * scale
    x0, y0 = corner[:, 0].T
    u0, v0 = origin[:, 0].T
    return np.stack([a, b, u0 - a * x0 - b * y0, d, e, v0 - d * x0 - e * y0]).astype(np.float32)


def look_up(maps: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places x and y on the origin, each (H, W) float32, for every pixel of `draw_triangles`."""
    a, b, c, d, e, f = (np.take(values, owner, mode="clip") for values in maps)
    row, column = (np.arange(length, dtype=np.float32) for length in owner.shape)
    return a * column + b * row[:, None] + c, d * column + e * row[:, None] + f


def seen_edge_on(corner: np.ndarray) -> np.ndarray:
    """Whether triangles (N, 3, 2) are too flat in the picture for their maps to tell anything, (N,) bool."""
    edges = corner - np.roll(corner, 1, axis=1)
    area = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
    return area < EDGE_ON * np.sqrt((edges**2).sum(-1).max(1))
