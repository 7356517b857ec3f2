"""Landmarks as a picture."""

import numpy as np
import pytest
from made_faces import made_face

from emo.face.landmark_map import LIDS, LIPS, LOOK, SKIN, landmark_map
from emo.face.mesh import EYES, INNER_LIPS_MIDDLE, OVAL

SIDE = 256


def placed(side: int = SIDE, **changes) -> np.ndarray:
    """A made face in the middle of a square picture."""
    points = made_face(**changes)[:, :2]
    low, high = points[OVAL].min(0), points[OVAL].max(0)
    return (points - (low + high) / 2) * (0.8 * side / (high - low).max()) + side / 2


def has(picture: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """Where a picture has a color at its full strength, (H, W) bool."""
    return (picture == np.array(color, np.uint8)).all(-1)


def test_lines_go_through_their_points_in_the_colors_of_their_parts():
    points = placed(opening=0.3)
    picture = landmark_map(points, SIDE, SIDE)
    assert (picture.shape, picture.dtype) == ((SIDE, SIDE, 3), np.uint8)
    for number, color in ((OVAL[9], SKIN), (EYES[0].corners[0], LIDS), (INNER_LIPS_MIDDLE[0], LIPS)):
        x, y = points[number].astype(int)
        assert has(picture[y - 2 : y + 3, x - 2 : x + 3], color).any()
    assert not picture[:, :4].any()
    assert has(picture, LOOK).sum() > 10


@pytest.mark.parametrize("side", [64, 128, 256, 512])
def test_every_size_shows_the_same_face(side):
    picture = landmark_map(placed(side), side, side)
    assert np.array_equal(picture, landmark_map(placed(side), side, side))
    cells = picture.reshape(16, side // 16, 16, side // 16, 3).max((1, 3, 4)) > 100
    whole = landmark_map(placed(SIDE), SIDE, SIDE).reshape(16, 16, 16, 16, 3).max((1, 3, 4)) > 100
    assert (cells == whole).mean() > 0.95


def test_less_than_a_pixel_is_seen():
    points = placed(opening=0.2)
    moved = points.copy()
    moved[INNER_LIPS_MIDDLE[1]] += (0, 0.25)
    one, other = (landmark_map(each, SIDE, SIDE).astype(int) for each in (points, moved))
    assert 0 < np.abs(one - other).sum() < np.abs(one).sum() / 20


def test_a_mirrored_face_is_a_mirrored_picture():
    points = placed()
    picture, mirrored = landmark_map(points, SIDE, SIDE), landmark_map(points * (-1, 1) + (SIDE, 0), SIDE, SIDE)
    difference = np.abs(mirrored[:, ::-1].astype(int) - picture)
    assert difference.sum() < 0.1 * picture.sum()


def test_what_lies_outside_is_cut_off():
    points = placed() + np.array([SIDE / 2, 0])
    whole = landmark_map(points, SIDE, 2 * SIDE)
    assert np.array_equal(landmark_map(points, SIDE, SIDE)[:, :-2], whole[:, : SIDE - 2])
    assert not landmark_map(points + 1e7, SIDE, SIDE).any()
