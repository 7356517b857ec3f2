"""Which landmarks of FaceMesh make triangles."""

import numpy as np

from emo.face.mesh import INNER_LIPS
from emo.motion.mesh.triangles import TRIANGLES

MOUTH_RING = [INNER_LIPS[0], *INNER_LIPS[:0:-1]]
"""The lips' inner edge, clockwise."""


def tessellation() -> np.ndarray:
    """FaceMesh's triangles (n, 3): all triples of landmarks that are connected with each other."""
    return np.array(TRIANGLES).reshape(-1, 3)


def fan(middle: int, ring: list[int]) -> np.ndarray:
    """Triangles (n, 3) from a vertex in the middle to each edge of a ring of n."""
    return np.array([[middle, a, b] for a, b in zip(ring, ring[1:] + ring[:1], strict=True)])
