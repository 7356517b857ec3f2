import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_faces import made_face, turn
from skimage.transform import SimilarityTransform

from emo.errors import EmoError
from emo.metrics.align import TEMPLATE, align_face, five_points, similarity, template
from emo.metrics.similarity import face_similarity

POINTS = np.array([(140, 92), (171, 95), (157, 118), (146, 139), (168, 141)], float)


def landmarks_of(points: np.ndarray) -> np.ndarray:
    """Landmarks (478, 3) whose five points these are; the rest would spoil any alignment by them."""
    landmarks = np.random.default_rng(0).normal(0, 1e4, (478, 3))
    spread = np.array([(4.0, 1.5), (-4.0, -1.5)])
    landmarks[[33, 133], :2], landmarks[[362, 263], :2] = points[0] + spread, points[1] + spread
    landmarks[[1, 61, 291], :2] = points[2:]
    return landmarks


def spot(point: np.ndarray, side: int, sigma: float) -> np.ndarray:
    """A picture of one soft spot, uint8 (side, side, 3)."""
    y, x = np.mgrid[:side, :side]
    picture = 255 * np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / 2 / sigma**2)
    return np.repeat(np.rint(picture)[..., None], 3, 2).astype(np.uint8)


def middle(weights: np.ndarray) -> np.ndarray:
    """Center of mass, x and y."""
    y, x = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()


@pytest.mark.parametrize(("scale", "degrees", "sigma"), [(0.7, 0, 2), (1, 30, 2), (1.4, -50, 3), (3.7, 15, 8)])
@pytest.mark.parametrize("size", [112, 224])
def test_a_face_of_the_templates_shape_lands_on_it(scale, degrees, sigma, size):
    matrix = SimilarityTransform(scale=scale, rotation=np.radians(degrees)).params
    points = np.array(TEMPLATE) @ matrix[:2, :2].T
    points += 256 - points.mean(0)
    for point, expected in zip(points, (np.array(TEMPLATE) + 0.5) * size / 112 - 0.5, strict=True):
        face = align_face(spot(point, 512, sigma), landmarks_of(points), size)
        assert face.shape == (size, size, 3)
        assert middle(face[..., 0].astype(float)) == pytest.approx(expected, abs=0.05)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 100), st.floats(-500, 500))
def test_the_alignment_is_the_least_squares_similarity(seed, scale, shift):
    points = scale * np.random.default_rng(seed).normal(size=(5, 2)) + shift
    found = similarity(points, np.array(TEMPLATE))
    expected = SimilarityTransform.from_estimate(points, np.array(TEMPLATE)).params
    np.testing.assert_allclose(found, expected[:2], rtol=1e-6, atol=1e-6 * (1 + abs(shift) / scale))


def test_five_points_are_the_faces_own_and_gaze_and_blinks_do_not_move_them():
    still = five_points(made_face())
    left, right, nose, mouth_left, mouth_right = still
    assert left[0] < nose[0] < right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
    assert mouth_left[0] < mouth_right[0]
    np.testing.assert_array_equal(five_points(made_face(gaze=(0.3, 0.2), eyes=0.05, brow=0.4)), still)
    turned = five_points(made_face(rotation=turn(roll=20)))
    np.testing.assert_allclose(similarity(turned, still)[:, :2] @ (turned - turned.mean(0)).T,
                               (still - still.mean(0)).T, atol=1e-9)  # fmt: skip


def test_large_faces_are_averaged_and_beyond_the_frame_is_black(portrait):
    points = np.array(TEMPLATE) * 4
    checks = np.indices((512, 512)).sum(0) % 2 * 255
    face = align_face(np.repeat(checks[..., None], 3, 2).astype(np.uint8), landmarks_of(points))
    assert face[5:-5, 5:-5] == pytest.approx(127.5, abs=3)
    outside = align_face(portrait, landmarks_of(np.array(TEMPLATE) - (30, 0)))
    assert outside.shape == (112, 112, 3)
    assert outside.dtype == np.uint8
    assert not outside[:, :29].any()
    assert outside[:, 32:].any()
    np.testing.assert_allclose(template(112), TEMPLATE)


def test_faces_that_cannot_be_aligned_are_refused(portrait):
    with pytest.raises(EmoError, match="one place"):
        align_face(portrait, np.ones((478, 3)))
    with pytest.raises(EmoError, match="478, 3"):
        align_face(portrait, np.ones((5, 2)))
    with pytest.raises(EmoError, match="uint8"):
        align_face(portrait / 255, landmarks_of(POINTS))
    with pytest.raises(EmoError, match="1 pixel or more"):
        align_face(portrait, landmarks_of(POINTS), 0)


# Similarity of faces.


def test_similarity_is_the_mean_cosine():
    rng = np.random.default_rng(0)
    reference, frames = rng.normal(size=(2, 16)), rng.normal(size=(5, 16))
    cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    expected = np.mean([cosine(a, b) for a in reference for b in frames])
    assert face_similarity(reference, frames) == pytest.approx(expected)
    assert face_similarity(7 * reference, frames[::-1] * 0.1) == pytest.approx(expected)
    assert face_similarity(frames[:1], frames[:1]) == pytest.approx(1)
    assert face_similarity(frames[:1], -frames[:1]) == pytest.approx(-1)


def test_embeddings_that_cannot_be_compared_are_refused():
    for wrong in (np.ones(4), np.ones((0, 4))):
        with pytest.raises(EmoError, match="N > 0"):
            face_similarity(np.ones((1, 4)), wrong)
    with pytest.raises(EmoError, match="3 and 4 numbers"):
        face_similarity(np.ones((1, 3)), np.ones((1, 4)))
    for wrong in (np.zeros((1, 4)), np.full((1, 4), np.nan)):
        with pytest.raises(EmoError, match="finite and not zero"):
            face_similarity(wrong, np.ones((1, 4)))
