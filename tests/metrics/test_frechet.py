import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emo.errors import EmoError
from emo.metrics.frechet import Moments, frechet_distance


def features(count: int, size: int, seed: int = 0, scale: float = 1.0, offset: float = 0.0) -> np.ndarray:
    """Correlated features (count, size) with a random mean."""
    rng = np.random.default_rng(seed)
    return scale * (rng.normal(size=(count, size)) @ rng.normal(size=(size, size)) + rng.normal(size=size)) + offset


def moments(*batches: np.ndarray) -> Moments:
    found = Moments()
    for batch in batches:
        found.update(batch)
    return found


def with_covariance(mean: np.ndarray, covariance: np.ndarray) -> Moments:
    """Features whose mean and covariance are exactly these."""
    size = len(mean)
    drawn = np.random.default_rng(5).normal(size=(4 * size, size))
    white = (drawn - drawn.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(drawn.T))).T
    return moments(white @ np.linalg.cholesky(covariance).T + mean)


def test_moments_are_numpys():
    batch = features(40, 5)
    found = moments(batch[:7], batch[7:7], batch[7:])
    assert found.count == 40
    np.testing.assert_allclose(found.mean, batch.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(batch.T), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.randoms(use_true_random=False), st.integers(0, 99))
def test_neither_order_nor_batches_nor_merging_change_them(sizes, shuffler, seed):
    batch = features(sum(sizes) + 3, 4, seed, offset=1e3)
    whole = moments(batch)
    parts = np.split(batch[shuffler.sample(range(len(batch)), len(batch))], np.cumsum(sizes))
    merged = Moments()
    for part in parts:
        merged.merge(moments(part))
    for found in (moments(*parts), merged):
        assert found.count == whole.count
        np.testing.assert_allclose(found.mean, whole.mean, rtol=1e-12)
        np.testing.assert_allclose(found.covariance, whole.covariance, rtol=1e-9, atol=1e-9)
        assert frechet_distance(found, whole) < 1e-9


def test_merging_leaves_the_other_one_as_it_was():
    one, other = moments(features(5, 3)), moments(features(6, 3, 1))
    mean, covariance = other.mean.copy(), other.covariance.copy()
    one.merge(other)
    other.update(features(3, 3, 2))
    fresh = Moments()
    fresh.merge(one)
    fresh.update(features(3, 3, 3))
    np.testing.assert_allclose(one.mean, moments(features(5, 3), features(6, 3, 1)).mean)
    assert (one.count, other.count, fresh.count) == (11, 9, 14)
    assert not np.allclose(other.mean, mean)
    assert not np.allclose(other.covariance, covariance)


def test_a_large_mean_costs_no_digits():
    small = features(60, 3)
    found = moments(*np.split(small + 1e7, 12))
    np.testing.assert_allclose(found.covariance, np.cov(small.T), rtol=1e-7)


def test_diagonal_gaussians_have_a_closed_form():
    m1, m2 = np.array([0, 1.0, 2]), np.array([1.0, 1, -1])
    s1, s2 = np.array([1.0, 4, 9]), np.array([4.0, 4, 1])
    expected = ((m1 - m2) ** 2).sum() + ((np.sqrt(s1) - np.sqrt(s2)) ** 2).sum()
    found = frechet_distance(with_covariance(m1, np.diag(s1)), with_covariance(m2, np.diag(s2)))
    assert found == pytest.approx(expected, rel=1e-10)
    assert expected == 15


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 8), st.integers(0, 1000))
def test_commuting_gaussians_have_a_closed_form(size, seed):
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(size, size)))[0]
    d1, d2, m1, m2 = rng.uniform(0.1, 3, (4, size))
    expected = np.square(m1 - m2).sum() + np.square(np.sqrt(d1) - np.sqrt(d2)).sum()
    one, other = (with_covariance(m, (axes * d) @ axes.T) for m, d in ((m1, d1), (m2, d2)))
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("size", [2, 16, 48])
def test_it_is_that_of_the_matrix_root(size):
    one, other = moments(features(3 * size, size)), moments(features(4 * size, size, 1, scale=1.3))
    root = scipy.linalg.sqrtm(one.covariance @ other.covariance)
    expected = np.square(one.mean - other.mean).sum() + np.trace(one.covariance + other.covariance - 2 * root.real)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(other, one) == pytest.approx(frechet_distance(one, other), rel=1e-12)


@pytest.mark.parametrize("count", [20, 300])
def test_it_is_that_of_torchmetrics(count):
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Features(torch.nn.Module):
        num_features = 24

        def forward(self, pictures):
            return pictures.double().flatten(1)[:, :24] / 50

    fid, network = FrechetInceptionDistance(feature=Features()).set_dtype(torch.float64), Features()
    kinds = []
    for real, seed, top in ((True, 0, 256), (False, 1, 200)):
        pictures = torch.from_numpy(np.random.default_rng(seed).integers(0, top, (count, 3, 4, 4)).astype(np.uint8))
        fid.update(pictures, real=real)
        kinds.append(moments(*(network(part).numpy() for part in pictures.split(7))))
    assert frechet_distance(*kinds) == pytest.approx(float(fid.compute()), rel=1e-6)


def test_fewer_features_than_numbers_need_nothing_added():
    one, other = features(6, 200), features(9, 200, 1)
    distance = frechet_distance(moments(one), moments(other))
    rotated = np.linalg.qr(np.random.default_rng(2).normal(size=(200, 200)))[0]
    assert frechet_distance(moments(one @ rotated), moments(other @ rotated)) == pytest.approx(distance, rel=1e-9)
    wide = np.pad(one, ((0, 0), (0, 300))), np.pad(other, ((0, 0), (0, 300)))
    assert frechet_distance(*map(moments, wide)) == pytest.approx(distance, rel=1e-9)
    assert np.isfinite(distance)


@pytest.mark.parametrize(("count", "size"), [(6, 200), (300, 40), (2, 2)])
def test_equal_features_are_at_0_and_a_shift_counts_squared(count, size):
    batch = features(count, size)
    trace = np.trace(moments(batch).covariance)
    assert frechet_distance(moments(batch), moments(batch)) <= 1e-11 * trace
    assert frechet_distance(moments(batch), moments(batch + 0.5)) == pytest.approx(0.25 * size, rel=1e-6)
    still = np.ones((4, 3))
    assert frechet_distance(moments(still), moments(still + 2)) == pytest.approx(12)


def test_bad_features_are_refused():
    for wrong in (np.zeros(4), np.zeros((2, 3, 4)), np.zeros((3, 0))):
        with pytest.raises(EmoError, match=r"\(N, D\)"):
            moments(wrong)
    for value in (np.nan, np.inf):
        with pytest.raises(EmoError, match="finite"):
            moments(np.array([[1.0, value]]))
    for few in (moments(), moments(np.zeros((1, 3)))):
        for pair in ((few, moments(features(5, 3))), (moments(features(5, 3)), few)):
            with pytest.raises(EmoError, match="2 features or more"):
                frechet_distance(*pair)
    with pytest.raises(EmoError, match="3 and 4 numbers"):
        frechet_distance(moments(features(5, 3)), moments(features(5, 4)))
    with pytest.raises(EmoError, match="3 and 4 numbers"):
        moments(features(5, 3), features(5, 4))
