"""Sides of a face that a portrait hides take the look of what is next to them."""

import numpy as np

HIDDEN = 0.12  # of a triangle's area on a face that looks straight ahead: less of it tells nothing
ROUNDS = 30


def unfolded(place: np.ndarray, straight: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Where vertices take their look from in a portrait, (V, 2) pixels.

    Vertices of which the portrait shows no triangle lie where others cover them: they move to the middle of their
    neighbors until all lie in what is seen.

    Args:
        place: (V, 2) pixels, where they are.
        straight: (V, 2) the same on a face that looks straight ahead.
        triangles: (N, 3).
    """
    area, whole = _areas(place, triangles), _areas(straight, triangles)
    shown = area * np.sign(whole) > HIDDEN * np.abs(whole)
    hidden = np.ones(len(place), bool)
    hidden[triangles[shown]] = False
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = edges[hidden[edges].any(1)]
    one, other = np.concatenate([edges, edges[:, ::-1]]).T
    count = np.maximum(np.bincount(one, minlength=len(place)), 1)[:, None]
    found = place.copy()
    for _ in range(ROUNDS if hidden.any() else 0):
        mean = np.stack([np.bincount(one, found[other, axis], len(place)) for axis in range(2)], 1) / count
        found[hidden] = mean[hidden]
    return found


def _areas(place: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Twice the signed areas, (N,)."""
    a, b, c = place[triangles].transpose(1, 2, 0)
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
