import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emo.face import FACE_SHARE, Box, Crop
from emo.face.crop import MAX_SHIFT


def smooth_picture(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 / width, y * 255 / height, 127 + 100 * np.sin((x + y) / 40)], -1).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(256, 256), (512, 384), (384, 640)])
def test_face_takes_its_share_of_the_shorter_side_and_lies_in_the_middle(height, width):
    crop = Crop.around(Box(900, 700, 1080, 920), (2000, 2000), height=height, width=width)
    x0, y0, x1, y1 = crop.to_crop(Box(900, 700, 1080, 920))
    assert (y1 - y0) / min(height, width) == pytest.approx(FACE_SHARE, rel=0.01)
    assert (x1 - x0) / (y1 - y0) == pytest.approx(180 / 220, rel=0.01)
    assert (x0 + x1) / 2 == pytest.approx(width / 2, abs=1)
    assert (y0 + y1) / 2 == pytest.approx(height / 2, abs=1)


def test_crop_moves_into_the_picture_only_so_far():
    near = Crop.around(Box(60, 200, 160, 300), (1000, 1000), height=64, width=64)  # 208 px wide, from 6 px: fits
    assert near.x0 == 6
    edge = Crop.around(Box(40, 200, 140, 300), (1000, 1000), height=64, width=64)  # would begin at -14: moved inside
    assert edge.x0 == 0
    side = edge.x1 - edge.x0
    border = Crop.around(Box(0, 200, 100, 300), (1000, 1000), height=64, width=64)  # would begin at -54
    assert border.x0 == pytest.approx(50 - side / 2 + MAX_SHIFT * side, abs=1)
    assert border.x0 < 0


def test_beyond_the_border_its_pixels_are_repeated():
    picture = smooth_picture(60, 80)
    crop = Crop(-20, -10, 100, 70, 80, 120)
    out = crop.apply(picture)
    np.testing.assert_array_equal(out[10:70, 20:100], picture)
    assert (out[10:70, :20] == picture[:, :1]).all()
    assert (out[70:, 20:100] == picture[-1:]).all()


def test_shrinking_averages_and_enlarging_is_smooth():
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(Crop(0, 0, 400, 400, 33, 33).apply(stripes).astype(int)) <= 25  # no moire
    ramp = np.repeat(np.arange(0, 200, 10, dtype=np.uint8)[None, :, None], 20, 0).repeat(3, 2)
    steps = np.diff(Crop(0, 0, 20, 20, 200, 200).apply(ramp)[100, 20:180, 0].astype(int))
    assert steps.min() >= 0
    assert steps.max() <= 3  # nearest-neighbor would jump by 10


boxes = st.tuples(st.floats(-50, 300), st.floats(-50, 300), st.floats(5, 200), st.floats(5, 200))


@settings(max_examples=60, deadline=None)
@given(boxes, st.integers(16, 96), st.integers(16, 96), st.integers(40, 333), st.integers(40, 333))
def test_maps_are_inverse_and_apply_has_the_size_asked_for(box, height, width, h, w):
    box = box[0], box[1], box[0] + box[2], box[1] + box[3]
    center = min(max((box[0] + box[2]) / 2, 0), w), min(max((box[1] + box[3]) / 2, 0), h)
    box = Box(center[0] - 20, center[1] - 20, center[0] + 20, center[1] + 20)  # its center inside the picture
    crop = Crop.around(box, (h, w), height=height, width=width)
    np.testing.assert_allclose(crop.to_image(crop.to_crop(box)), box, atol=1e-6)
    assert crop.apply(smooth_picture(h, w)).shape == (height, width, 3)
    assert (crop.x1 - crop.x0) / (crop.y1 - crop.y0) == pytest.approx(width / height, rel=0.08)


def test_maps_follow_the_pixels():
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[80:100, 150:190] = 255
    crop = Crop(100, 50, 250, 150, 200, 300)
    rows, columns = np.nonzero(crop.apply(picture)[..., 0] > 127)
    found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    np.testing.assert_allclose(found, crop.to_crop(Box(150, 80, 190, 100)), atol=1)


def test_center_is_the_largest_rectangle_inside():
    assert Crop.center((100, 300), height=50, width=50) == Crop(100, 0, 200, 100, 50, 50)
    assert Crop.center((100, 300), height=50, width=200) == Crop(0, 12, 300, 87, 50, 200)


@pytest.mark.parametrize(
    "crop",
    [
        Crop(40, 30, 140, 130, 100, 100),  # same size
        Crop(41, 31, 142, 132, 64, 64),  # odd, shrunk
        Crop(41, 31, 108, 98, 129, 129),  # odd, enlarged
        Crop(-30, 50, 91, 171, 96, 96),  # over the left border
        Crop(-20, -25, 231, 226, 128, 128),  # over all borders
        Crop(100, 20, 201, 121, 90, 90),  # up to the right border
    ],
)
def test_pasting_the_untouched_crop_gives_the_picture_back(crop):
    picture = smooth_picture(171, 201)
    pasted = crop.paste(crop.apply(picture)[None].repeat(2, 0), picture)
    assert pasted.shape == (2, 171, 201, 3)
    assert pasted.dtype == np.uint8
    error = np.abs(pasted.astype(int) - picture)
    assert error.max() <= 12
    assert error.mean() < 1.0


@pytest.mark.parametrize("crop", [Crop(40, 30, 141, 131, 64, 64), Crop(60, 60, 93, 93, 100, 100)])
def test_paste_leaves_the_outside_alone_and_shows_no_seam(crop):
    picture = smooth_picture(171, 201)
    original = picture.copy()
    pasted = crop.paste(np.full((1, crop.height, crop.width, 3), 255, np.uint8), picture)[0]
    np.testing.assert_array_equal(picture, original)
    changed = (pasted != picture).any(-1)
    inner = changed[crop.y0 + 1 : crop.y1 - 1, crop.x0 + 1 : crop.x1 - 1]
    assert changed.sum() == inner.sum()  # neither outside nor on the crop's outermost pixels
    assert (pasted[(crop.y0 + crop.y1) // 2, (crop.x0 + crop.x1) // 2] == 255).all()
    white = np.full_like(picture, 255)
    black = np.zeros((1, crop.height, crop.width, 3), np.uint8)
    steps = np.abs(np.diff(crop.paste(black, white)[0, (crop.y0 + crop.y1) // 2, :, 0].astype(int)))
    assert steps.max() < 255  # no jump from picture to frame


def test_paste_fills_up_to_the_border_of_the_picture():
    picture = smooth_picture(120, 160)
    crop = Crop(-10, 0, 90, 100, 50, 50)  # over the left border, at the top one
    pasted = crop.paste(np.full((1, 50, 50, 3), 255, np.uint8), picture)[0]
    assert (pasted[:50, :45] == 255).all()
    np.testing.assert_array_equal(pasted[99:], picture[99:])
    np.testing.assert_array_equal(pasted[:, 89:], picture[:, 89:])


def test_feather_rises_step_by_step():
    crop = Crop(100, 100, 300, 300, 200, 200)
    row = crop.paste(np.full((1, 200, 200, 3), 200, np.uint8), np.zeros((400, 400, 3), np.uint8))[0, 200, :, 0]
    rise = np.diff(row[99:130].astype(int))
    assert rise.min() >= 0
    assert rise.max() < 40
    assert row[100] == 0
    assert row[120] == 200
