import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emo.face import FaceDetector
from emo.face.detector import _tiles

FACES = {  # box center and height by eye
    "images/painting_mona_lisa_crop.jpg": [(240, 303, 300)],
    "images/photo_actor_man_240up.png": [(258, 203, 190)],
    "images/photo_actor_woman_240up.png": [(257, 172, 168)],
    "images/photo_grid_woman.png": [(155, 195, 149)],
    "images/photo_nasa_astronaut.png": [(226, 124, 107)],
    "bad_input/profile_threequarter.png": [(260, 168, 161)],
    "bad_input/twofaces_480x270.png": [(103, 110, 74), (359, 101, 76)],
    "bad_input/noface_cat.png": [],
    "bad_input/noface_coffee.png": [],
}


@pytest.mark.parametrize("path", FACES)
def test_real_pictures(detector, picture, path):
    faces = detector.detect(picture(path))
    assert len(faces) == len(FACES[path])
    for face, (x, y, height) in zip(faces, FACES[path], strict=True):
        x0, y0, x1, y1 = face.box
        assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((x, y), abs=height * 0.08)
        assert y1 - y0 == pytest.approx(height, rel=0.1)
        assert 0.5 <= face.score <= 1


def test_landmarks_and_box(detector, astronaut):
    (face,) = detector.detect(astronaut)
    assert face.landmarks.shape == (478, 3)
    assert face.landmarks.dtype == np.float32
    np.testing.assert_array_equal(face.box, [*face.landmarks[:, :2].min(0), *face.landmarks[:, :2].max(0)])
    np.testing.assert_allclose(face.landmarks[468, :2], (203.5, 101.5), atol=1.5)  # the irises' centers, by eye
    np.testing.assert_allclose(face.landmarks[473, :2], (246.5, 103.5), atol=1.5)
    assert face.landmarks[4, 2] < face.landmarks[[234, 454], 2].min() - 20  # nose nearer than ears, in pixels


def test_z_has_the_scale_of_x_and_y_in_any_picture(detector, astronaut):
    wide = np.pad(astronaut, ((0, 0), (0, 600), (0, 0)), mode="edge")
    (one,), (other,) = detector.detect(astronaut), detector.detect(wide)
    np.testing.assert_allclose(one.landmarks, other.landmarks, atol=4)


def test_landmarks_follow_the_picture_when_it_is_moved(detector, astronaut):
    (one,) = detector.detect(astronaut[:300, :450].copy())
    (other,) = detector.detect(astronaut[40:340, 60:510].copy())
    moved = other.landmarks + np.array((60, 40, 0), np.float32)
    assert np.abs(one.landmarks - moved).mean() < 0.01 * (one.box[3] - one.box[1])


@pytest.mark.parametrize("shape", [(2000, 3000), (3000, 4000)])
@pytest.mark.parametrize("place", [(0.02, 0.03), (0.66, 0.45), (0.8, 0.8)])
def test_small_face_in_a_large_picture(detector, astronaut, shape, place):
    large = np.full((*shape, 3), 120, np.uint8)
    y, x = int(place[0] * shape[0]), int(place[1] * shape[1])
    part = astronaut[: shape[0] - y, : shape[1] - x]
    large[y : y + len(part), x : x + part.shape[1]] = part
    (face,) = detector.detect(large)
    assert face.box == pytest.approx((180 + x, 71 + y, 272 + x, 178 + y), abs=6)


def test_large_face_in_a_12_megapixel_picture(detector, astronaut):
    import cv2

    (face,) = detector.detect(cv2.resize(astronaut, (3464, 3464), interpolation=cv2.INTER_CUBIC))
    assert face.box == pytest.approx(np.array((180, 71, 272, 178)) * 3464 / 512, abs=40)


@pytest.mark.parametrize("scale", [1, 8])
def test_face_that_fills_the_picture(detector, astronaut, scale):
    tight = astronaut[70:190, 175:275].repeat(scale, 0).repeat(scale, 1)
    (face,) = detector.detect(tight)
    assert face.box[3] - face.box[1] > 0.8 * 120 * scale


def test_face_larger_than_the_picture(detector, astronaut):
    (face,) = detector.detect(astronaut[85:180, 185:265].copy())  # forehead, chin and ears cut
    assert face.box == pytest.approx((-6, -14, 83, 93), abs=5)


@settings(max_examples=60, deadline=None)
@given(st.integers(100, 4000), st.integers(100, 4000), st.integers(100, 1200), st.floats(0, 1), st.floats(0, 1))
def test_anything_as_large_as_a_quarter_tile_is_whole_in_a_tile(h, w, side, u, v):
    size = min(side // 4, h, w)
    y, x = int(u * (h - size)), int(v * (w - size))
    tiles = list(_tiles(h, w, side))
    assert any(a <= x and x + size <= a + side and b <= y and y + size <= b + side for a, b in tiles)
    assert len(tiles) <= (1 + h // (side * 0.6)) * (1 + w // (side * 0.6))


def test_faces_come_from_left_to_right_each_once(detector, astronaut):
    head = astronaut[20:240, 110:340]
    three = np.concatenate([head, head[:, ::-1], head], 1)
    faces = detector.detect(three)
    assert len(faces) == 3
    centers = [(face.box[0] + face.box[2]) / 2 for face in faces]
    assert centers == pytest.approx([116, 344, 576], abs=10)


def test_of_two_heads_close_together_each_has_its_own_landmarks(detector, astronaut):
    from PIL import Image

    large = np.asarray(Image.fromarray(astronaut[20:200, 150:300]).resize((300, 360)))
    small = np.asarray(Image.fromarray(large[:, 60:250]).resize((95, 180)))
    both = np.full((500, 700, 3), 150, np.uint8)
    both[60:420, 50:350] = large
    both[60:240, 260:355] = small
    left, right = detector.detect(both)
    assert left.box[3] - left.box[1] == pytest.approx(2 * (right.box[3] - right.box[1]), rel=0.15)


def test_no_face(detector):
    noise = np.random.default_rng(0).integers(0, 256, (300, 1500, 3), np.uint8)
    assert detector.detect(noise) == []
    assert detector.detect(np.zeros((5, 7, 3), np.uint8)) == []


def test_detection_is_repeatable_and_detectors_are_independent(detector, astronaut):
    (one,) = detector.detect(astronaut)
    with FaceDetector() as other:
        (two,) = other.detect(astronaut)
    np.testing.assert_array_equal(one.landmarks, two.landmarks)
