"""Faces of one picture side by side: each in its own part, the rest as it was."""

import numpy as np
import pytest

from emo.errors import FaceError, command_words
from emo.face import Box, Crop, Face, Portrait
from emo.face.montage import Montage

HEIGHT, WIDTH = 120, 300


def portrait(box: Box, picture: np.ndarray, side: int = 64) -> Portrait:
    crop = Crop.around(box, picture.shape[:2], height=side, width=side)
    return Portrait(crop.apply(picture), np.ones((side, side), np.float32), crop, Face(box, 1.0, np.zeros(0)), picture)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def flat(value: int) -> np.ndarray:
    return np.full((64, 64, 3), value, np.uint8)


LEFT, RIGHT = Box(60, 40, 100, 80), Box(131, 40, 171, 80)


def test_faces_are_whole_and_what_belongs_to_none_is_the_picture(picture):
    montage = Montage.of([portrait(LEFT, picture), portrait(RIGHT, picture)], [1, 2], [])
    pasted = montage.paste([flat(0), flat(255)])
    assert (pasted[40:80, 60:100] == 0).all()
    assert (pasted[40:80, 131:171] == 255).all()
    np.testing.assert_array_equal(pasted[:, :10], picture[:, :10])
    np.testing.assert_array_equal(pasted[:, 230:], picture[:, 230:])


def test_between_two_faces_the_picture_stays_so_that_no_crop_is_seen_through_the_other(picture):
    one, other = portrait(LEFT, picture), portrait(RIGHT, picture)
    assert one.crop.x1 > other.crop.x0
    montage = Montage.of([one, other], [1, 2], [])
    pasted = montage.paste([flat(0), flat(255)])
    np.testing.assert_array_equal(pasted[40:80, 115], picture[40:80, 115])
    dark, bright = montage.paste([flat(0), one.image]), montage.paste([flat(255), one.image])
    np.testing.assert_array_equal(dark[40:80, 115:], bright[40:80, 115:])
    steps = np.abs(np.diff(Montage.of([one, other], [1, 2], []).covers[0].astype(float), axis=1)).max()
    assert steps < 0.5


def test_a_face_that_is_not_animated_keeps_its_pixels(picture):
    montage = Montage.of([portrait(LEFT, picture)], [1], [RIGHT])
    np.testing.assert_array_equal(montage.paste([flat(0)])[40:80, 116:], picture[40:80, 116:])
    alone = Montage.of([portrait(LEFT, picture)], [1], [])
    assert (alone.paste([flat(0)])[40:80, 116:118] != picture[40:80, 116:118]).any()


def test_faces_that_overlap_are_refused_by_number(picture):
    near = Box(90, 30, 130, 70)
    with pytest.raises(FaceError, match=r"a\.png: faces 1 and 3 overlap") as error:
        Montage.of([portrait(LEFT, picture), portrait(near, picture)], [1, 3], [], "a.png")
    assert "animate one of them" in error.value.told(command_words)


def test_one_face_alone_is_pasted_as_any_other(picture):
    one = portrait(LEFT, picture)
    pasted = Montage.of([one], [1], []).paste([flat(7)])
    usual = one.crop.paste(flat(7)[None], picture)[0]
    assert np.abs(pasted.astype(int) - usual.astype(int)).max() <= 1
