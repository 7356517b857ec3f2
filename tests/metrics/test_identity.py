import numpy as np
import pytest

from emo.errors import EmoError
from emo.metrics import identity_descriptor, identity_distance, nearest


def eyes(left: tuple[float, float], right: tuple[float, float]) -> np.ndarray:
    """Landmarks (478, 3) of which only the eyes' outer corners are known: all that the alignment asks for."""
    landmarks = np.zeros((478, 3))
    landmarks[33, :2], landmarks[263, :2] = left, right
    return landmarks


ASTRONAUT = eyes((193, 104), (259, 101))  # by eye


def change(image: np.ndarray, landmarks: np.ndarray, scale: float, degrees: float, shift: tuple[float, float]):
    """Picture and landmarks, both scaled, turned and moved."""
    import cv2

    matrix = cv2.getRotationMatrix2D((226, 124), degrees, scale)
    matrix[:, 2] += shift
    moved = landmarks.copy()
    moved[:, :2] = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return cv2.warpAffine(image, matrix, image.shape[1::-1], flags=cv2.INTER_AREA), moved


def test_equal_pictures_are_at_distance_0_and_the_distance_is_symmetric(portrait):
    one = identity_descriptor(portrait, ASTRONAUT)
    other = identity_descriptor(portrait[:, ::-1].copy(), eyes((512 - 259, 101), (512 - 193, 104)))
    assert one.shape == (1872,)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(one, identity_descriptor(portrait, ASTRONAUT))
    assert identity_distance(one, one) == pytest.approx(0, abs=1e-6)
    assert identity_distance(one, other) == identity_distance(other, one) > 0.05
    assert identity_distance(one, -one) == pytest.approx(2)


@pytest.mark.parametrize(
    ("scale", "degrees", "shift"), [(1, 0, (37, -20)), (1, 25, (0, 0)), (0.6, 0, (0, 0)), (0.8, -15, (20, 10))]
)
def test_place_size_and_roll_do_not_matter(portrait, scale, degrees, shift):
    one = identity_descriptor(portrait, ASTRONAUT)
    assert identity_distance(one, identity_descriptor(*change(portrait, ASTRONAUT, scale, degrees, shift))) < 0.05


def test_other_contours_and_other_colors_are_another_person(portrait):
    one = identity_descriptor(portrait, ASTRONAUT)
    dim = np.rint(portrait * 0.75).astype(np.uint8)
    blue = portrait[..., ::-1].copy()
    elsewhere = identity_descriptor(portrait, eyes((300, 300), (366, 300)))
    assert identity_distance(one, identity_descriptor(dim, ASTRONAUT)) < 0.03
    assert identity_distance(one, identity_descriptor(blue, ASTRONAUT)) > 0.3
    assert identity_distance(one, elsewhere) > 0.5


def test_contours_count_where_colors_are_alike():
    stripes = np.full((128, 128, 3), 110, np.uint8)
    stripes[np.arange(128) % 4 < 2] = 150
    landmarks = eyes((48, 50), (80, 50))
    one, other = (identity_descriptor(s, landmarks) for s in (stripes, stripes.transpose(1, 0, 2).copy()))
    assert identity_distance(one, other) > 0.5


def test_a_large_picture_is_averaged_not_sampled(portrait):
    rng = np.random.default_rng(0)
    large = portrait.repeat(4, 0).repeat(4, 1)
    noisy = np.clip(large + rng.normal(0, 60, large.shape[:2])[..., None], 0, 255).astype(np.uint8)
    landmarks = ASTRONAUT * 4 + np.array((1.5, 1.5, 0))
    distance = identity_distance(identity_descriptor(portrait, ASTRONAUT), identity_descriptor(noisy, landmarks))
    assert distance < 0.08


def test_nearest_takes_any_embeddings():
    gallery = np.eye(4)[:3]
    queries = np.array([[0, 0.2, 3, 1], [5.0, 1, 0, 0]])
    assert nearest(queries, gallery).tolist() == [2, 0]
    assert nearest(7 * queries, gallery * 0.1).tolist() == [2, 0]


def test_bad_input_is_refused(portrait):
    with pytest.raises(EmoError, match="uint8"):
        identity_descriptor(portrait / 255, ASTRONAUT)
    with pytest.raises(EmoError, match="478, 3"):
        identity_descriptor(portrait, ASTRONAUT[:468])
    with pytest.raises(EmoError, match="one length"):
        identity_distance(np.ones(3), np.ones(4))
    with pytest.raises(EmoError, match="not zero"):
        identity_distance(np.ones(3), np.zeros(3))
    with pytest.raises(EmoError, match="one length"):
        nearest(np.ones((1, 3)), np.ones((0, 3)))
