"""Which part of a person the triangles of a portrait's mesh show."""

import numpy as np

from emo.data.synthetic import parts
from emo.data.synthetic.portrait import PortraitMesh
from emo.face.mesh import LOWER_BROWS, LOWER_LIP_ROWS, NUM_LANDMARKS, UPPER_BROWS, UPPER_LIP_ROWS


def triangle_parts(mesh: PortraitMesh) -> np.ndarray:
    """The part that every triangle shows, (N,) uint8: numbers of `PARTS`.

    Outside of the face's outline all are REST: which of it is background, the mesh does not know.
    """
    corners = mesh.triangles
    kind = np.full(len(corners), parts.SKIN, np.uint8)
    kind[np.isin(corners, np.ravel([*UPPER_LIP_ROWS, *LOWER_LIP_ROWS])).all(1)] = parts.LIPS
    for edges in zip(UPPER_BROWS, LOWER_BROWS, strict=True):
        kind[np.isin(corners, np.ravel(edges)).all(1)] = parts.BROWS
    kind[((corners >= NUM_LANDMARKS) & (corners < mesh.eye_vertex)).any(1)] = parts.REST
    kind[np.isin(corners, [mesh.eye_vertex, mesh.eye_vertex + 1]).any(1)] = parts.EYES
    kind[-mesh.mouth_triangles :] = parts.MOUTH
    return kind
