"""The landmarks' names against MediaPipe's own sets, and against where they lie on a face."""

from itertools import pairwise

import numpy as np
import pytest

from emo.face import mesh
from emo.motion.mesh.topology import tessellation

connections = pytest.importorskip("mediapipe.python.solutions.face_mesh_connections")


def edges(*ring: int) -> set[frozenset[int]]:
    return {frozenset(pair) for pair in pairwise(ring)}


def mediapipe(name: str) -> set[frozenset[int]]:
    return {frozenset(pair) for pair in getattr(connections, name)}


def test_rings_are_mediapipes_contours():
    lips = [*mesh.OUTER_LIPS, mesh.OUTER_LIPS[0]], [*mesh.INNER_LIPS, mesh.INNER_LIPS[0]]
    assert edges(*lips[0]) | edges(*lips[1]) == mediapipe("FACEMESH_LIPS")
    assert edges(*mesh.OVAL, mesh.OVAL[0]) == mediapipe("FACEMESH_FACE_OVAL")


@pytest.mark.parametrize(("side", "theirs"), [(0, "RIGHT"), (1, "LEFT")])  # theirs are the person's
def test_eyes_and_brows_are_mediapipes(side, theirs):
    eye = mesh.EYES[side]
    outer, inner = eye.corners
    assert edges(outer, *eye.upper, inner) | edges(outer, *eye.lower, inner) == mediapipe(f"FACEMESH_{theirs}_EYE")
    brows = edges(*mesh.UPPER_BROWS[side]) | edges(*mesh.LOWER_BROWS[side])
    assert brows == mediapipe(f"FACEMESH_{theirs}_EYEBROW")
    assert set(eye.lids) <= set(zip(eye.upper, eye.lower, strict=True))


def test_lips_have_rows_from_edge_to_edge():
    for rows, lip in ((mesh.UPPER_LIP_ROWS, mesh.UPPER_LIP), (mesh.LOWER_LIP_ROWS, mesh.LOWER_LIP)):
        assert len(lip) == len(set(np.ravel(rows))) - 2 * len({row[0] for row in rows})
    assert mesh.UPPER_LIP_ROWS[0][5] == mesh.LIP_TOP
    assert mesh.LOWER_LIP_ROWS[0][5] == mesh.LIP_BOTTOM
    assert [mesh.UPPER_LIP_ROWS[-1][5], mesh.LOWER_LIP_ROWS[-1][5]] == mesh.INNER_LIPS_MIDDLE
    for rows in (mesh.UPPER_LIP_ROWS, mesh.LOWER_LIP_ROWS):
        assert [rows[0][0], rows[0][-1]] == mesh.MOUTH_CORNERS
        assert [rows[-1][0], rows[-1][-1]] == mesh.INNER_MOUTH_CORNERS


def test_left_is_the_pictures_left():
    place = {number: np.array(point) for number, point in mesh.RIGID.items()}
    for left, right in (mesh.OUTER_EYE_CORNERS, [mesh.EYES[0].corners[1], mesh.EYES[1].corners[1]]):
        np.testing.assert_allclose(place[left] * (-1, 1, 1), place[right])
        assert place[left][0] < 0 < place[right][0]
    assert min(place, key=lambda number: place[number][2]) == mesh.NOSE_TIP
    assert place[mesh.NOSE_ROOT][1] < place[mesh.NOSE_TIP][1] < place[mesh.NOSE_UNDER_TIP][1]


def test_triangles_are_those_of_mediapipes_edges():
    edges_of = mediapipe("FACEMESH_TESSELATION")
    triangles = {tuple(triangle) for triangle in tessellation().tolist()}
    assert len(triangles) == len(tessellation())
    assert {frozenset(pair) for t in triangles for pair in ((t[0], t[1]), (t[1], t[2]), (t[0], t[2]))} == edges_of
    numbers = sorted({number for edge in edges_of for number in edge})
    near = {number: {other for edge in edges_of if number in edge for other in edge} for number in numbers}
    for a, b in (sorted(edge) for edge in edges_of):
        assert {c for c in near[a] & near[b] if c > b} == {c for x, y, c in triangles if (x, y) == (a, b)}
