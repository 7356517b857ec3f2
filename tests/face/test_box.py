import numpy as np
import pytest

from emo.face import Box, Face, landmark_box, largest, mask_box

BOX = Box(10, 20, 40, 100)


def face(box: Box) -> Face:
    return Face(box, 0.9, np.zeros((478, 3), np.float32))


def test_measures():
    assert (BOX.width, BOX.height, BOX.side, BOX.area, BOX.center) == (30, 80, 80, 2400, (25, 60))


def test_scaled_keeps_the_center():
    grown = BOX.scaled(1.5)
    assert grown.center == BOX.center
    assert (grown.width, grown.height) == (45, 120)


def test_a_larger_picture_moves_the_box_too():
    assert BOX.in_resized(2) == (20, 40, 80, 200)


@pytest.mark.parametrize(("x", "y", "inside"), [(25, 60, True), (10, 100, True), (9, 60, False), (25, 101, False)])
def test_what_it_holds(x, y, inside):
    assert BOX.holds(x, y) == inside


def test_the_largest_face_is_that_of_the_largest_area_and_of_equal_ones_the_first():
    wide, tall, again = face(Box(0, 0, 90, 20)), face(BOX), face(Box(50, 20, 80, 100))
    assert largest([wide, tall, again]) is tall


def test_boxes_around_landmarks_and_masks():
    landmarks = np.array([(3.5, 9, -7), (1, 12, 80), (2, 10, 0)], np.float32)
    assert landmark_box(landmarks) == (1, 9, 3.5, 12)
    mask = np.zeros((8, 9), bool)
    mask[2, 4] = mask[5, 3] = True
    assert mask_box(mask) == (3, 2, 5, 6)
