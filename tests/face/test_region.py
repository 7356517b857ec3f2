from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

from emo.errors import FaceError
from emo.face import Box, Crop, check_region, face_region_mask, plain_region, union_mask

SIZE = (200, 300)  # height, width
CROP = Crop(50, 20, 210, 180, 80, 80)  # half size


def box_of(mask: np.ndarray) -> tuple[int, ...]:
    rows, columns = np.nonzero(mask)
    assert mask.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)  # a filled rectangle
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_default_is_the_face_box_times_1_3():
    mask = face_region_mask(None, CROP, SIZE, Box(100, 60, 140, 120))
    assert mask.dtype == np.float32
    assert mask.shape == (80, 80)
    np.testing.assert_allclose(box_of(mask), CROP.to_crop(Box(94, 51, 146, 129)), atol=0.5)


def test_full_is_white():
    assert (face_region_mask("full", CROP, SIZE) == 1).all()


@pytest.mark.parametrize("kind", [tuple, list])
def test_box_in_the_pictures_pixels(kind):
    mask = face_region_mask(kind((60, 40, 100, 120)), CROP, SIZE)
    assert box_of(mask) == (5, 10, 25, 50)
    assert set(np.unique(mask)) == {0, 1}


def test_box_may_reach_over_the_border():
    assert check_region((-10, -1e9, 20, float("inf")), SIZE) == (0, 0, 20, 200)


@pytest.mark.parametrize(
    "make",
    [
        lambda m: m,
        lambda m: m.astype(np.uint8) * 255,
        lambda m: m * 140 + 50 * ~m,  # grays on both sides of half
        lambda m: m.astype(np.float64),
        lambda m: np.repeat(m.astype(np.uint8)[..., None] * 255, 3, 2),
        lambda m: Image.fromarray(m.astype(np.uint8) * 255),
        lambda m: Image.fromarray(m.astype(np.uint8) * 255).convert("1"),
        lambda m: Image.fromarray(m.astype(np.uint8) * 255).convert("RGB"),
    ],
)
def test_mask_image_gives_the_same_as_its_box(make):
    white = np.zeros(SIZE, bool)
    white[40:120, 60:100] = True
    mask = make(white)
    mask = mask.astype(np.uint8) if isinstance(mask, np.ndarray) and mask.dtype.kind == "i" else mask
    assert box_of(face_region_mask(mask, CROP, SIZE)) == (5, 10, 25, 50)


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ((100, 50, 60, 90), "empty"),
        ((60, 90, 100, 90), "empty"),
        ((float("nan"), 0, 10, 10), "empty"),
        ((300, 0, 400, 50), "outside.*300 x 200"),
        ((0, -50, 40, 0), "outside"),
        ((220, 0, 290, 15), "nothing in the part"),
        (np.zeros(SIZE, np.uint8), "mask is empty"),
        (np.full(SIZE, 127, np.uint8), "mask is empty"),
        (np.ones((300, 200), bool), "200 x 300.*300 x 200"),
        ("ful", "'full'.*ful"),
        ((1, 2, 3), "four numbers"),
        (("1", "2", "3", "4"), "four numbers"),
        (5, "four numbers.*int"),
        (np.ones(SIZE, np.complex64), "mask image"),
    ],
)
def test_bad_regions_are_refused(region, words):
    with pytest.raises(FaceError, match=words):
        face_region_mask(region, CROP, SIZE)


def test_mask_that_is_white_only_outside_of_the_crop():
    mask = np.zeros(SIZE, bool)
    mask[:, 280:] = True
    with pytest.raises(FaceError, match="nothing in the part"):
        face_region_mask(mask, CROP, SIZE)


def test_union_is_of_the_boxes_not_the_box_around_them():
    mask = union_mask(np.array([[1, 1, 4, 3], [6, 5, 9, 8]]), 10, 12)
    assert mask.shape == (10, 12)
    assert mask.dtype == np.float32
    expected = np.zeros((10, 12))
    expected[1:3, 1:4] = expected[5:8, 6:9] = 1
    np.testing.assert_array_equal(mask, expected)


def test_union_takes_pixels_whose_center_is_inside_and_clips():
    np.testing.assert_array_equal(union_mask(np.array([[-3, 0.4, 1.5, 1.6]]), 3, 3), [[1, 0, 0], [1, 0, 0], [0, 0, 0]])


BOX = (60, 40, 100, 120)


@pytest.mark.parametrize(
    "box",
    [
        np.array(BOX),
        np.array(BOX, np.float32),
        tuple(np.array(BOX)),
        [np.float32(value) for value in BOX],
        torch.tensor(BOX),
        torch.tensor(BOX, dtype=torch.bfloat16),
        list(torch.tensor(BOX)),
        tuple(map(Fraction, BOX)),
    ],
)
def test_a_box_of_any_kind_of_numbers(box):
    assert check_region(box, SIZE) == BOX
    assert all(type(value) is float for value in plain_region(box))


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float32, torch.bfloat16])
def test_a_mask_may_be_a_tensor(dtype):
    mask = torch.zeros(SIZE, dtype=dtype)
    mask[40:120, 60:100] = 255 if dtype == torch.uint8 else 1
    assert box_of(check_region(mask, SIZE)) == BOX


def test_a_mask_of_16_bits_is_white_from_half_scale_on():
    mask = np.full(SIZE, 20000, np.uint16)
    mask[40:120, 60:100] = 40000
    assert box_of(check_region(mask, SIZE)) == BOX


@pytest.mark.parametrize("box", [np.ones(3), torch.ones(5), (True, 0, 5, 5), ("0", "0", "5", "5"), np.array(3.0)])
def test_what_is_no_box_is_shown(box):
    with pytest.raises(FaceError, match=r"four numbers x0,y0,x1,y1 .*not "):
        check_region(box, SIZE)
