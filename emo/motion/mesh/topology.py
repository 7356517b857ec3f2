"""Which landmarks of FaceMesh make triangles."""

from functools import lru_cache

import numpy as np

from emo.face.mesh import INNER_LIPS

MOUTH_RING = [INNER_LIPS[0], *INNER_LIPS[:0:-1]]
"""The lips' inner edge, clockwise."""


@lru_cache(maxsize=1)
def tessellation() -> np.ndarray:
    """FaceMesh's triangles: all triples of mutually connected landmarks."""
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

    edges = {tuple(sorted(e)) for e in FACEMESH_TESSELATION}
    near: dict[int, set[int]] = {}
    for a, b in edges:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    return np.array(sorted({tuple(sorted((a, b, c))) for a, b in edges for c in near[a] & near[b]}))


def fan(middle: int, ring: list[int]) -> np.ndarray:
    """Triangles (n, 3) from a vertex in the middle to each edge of a ring of n."""
    return np.array([[middle, a, b] for a, b in zip(ring, ring[1:] + ring[:1], strict=True)])
