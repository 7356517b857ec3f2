"""The Fréchet distance of two sets of features, each taken for a Gaussian: the arithmetic of FID, FVD and E-FID."""

import numpy as np

from emo.errors import EmoError


class Moments:
    """Count, mean and covariance of features that come in batches, in float64.

    Batches are merged by their own means (Chan, Golub and LeVeque), so that neither their order nor their sizes
    change more than rounding does, and a large mean costs no digits. Takes D x D numbers, however many features come.

    Attributes:
        count: of features.
        mean: (D,); of no numbers while there are no features.
    """

    def __init__(self):
        self.count = 0
        self.mean = np.zeros(0)
        self._scatter = np.zeros((0, 0))

    def update(self, features: np.ndarray) -> None:
        """Add features (N, D); N may be 0.

        Raises:
            EmoError: of another shape, of another D than before, or not finite.
        """
        features = np.asarray(features, np.float64)
        if features.ndim != 2 or features.shape[1] == 0:
            raise EmoError(f"features must be (N, D), not {features.shape}")
        if not np.isfinite(features).all():
            raise EmoError("features must be finite numbers; a network that gives others does not suit its pictures")
        if len(features):
            mean = features.mean(0)
            centered = features - mean
            self._add(len(features), mean, centered.T @ centered)

    def merge(self, other: "Moments") -> None:
        """Add all that another one has seen.

        Raises:
            EmoError: it has another D.
        """
        if other.count:
            self._add(other.count, other.mean, other._scatter)

    @property
    def covariance(self) -> np.ndarray:
        """(D, D), unbiased: over N - 1, as numpy and FID's first implementation have it.

        Raises:
            EmoError: fewer than two features have come.
        """
        if self.count < 2:
            raise EmoError(f"a covariance needs 2 features or more, not {self.count}: give more frames or clips")
        return self._scatter / (self.count - 1)

    def _add(self, count: int, mean: np.ndarray, scatter: np.ndarray) -> None:
        if self.count == 0:
            self.count = count
            self.mean = mean
            self._scatter = scatter
            return
        _check_sizes(self.mean, mean)
        total = self.count + count
        apart = mean - self.mean
        self._scatter = self._scatter + scatter + np.outer(apart, apart) * (self.count * count / total)
        self.mean = self.mean + apart * (count / total)
        self.count = total


def frechet_distance(one: Moments, other: Moments) -> float:
    """|m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)): Fréchet's distance of two Gaussians, squared (Heusel et al.).

    With S = F F^T the trace of (S1 S2)^(1/2) is the sum of the singular values of F1^T F2. F comes from the
    eigenvalues of S, those that are rounding left out: fewer features than D, whose covariances are singular, need no
    term added to the diagonal, and equal inputs give 0 to rounding (about 1e-13 of the trace).

    Few features make it large: it falls as their number grows, so compare figures of equal numbers only.

    Raises:
        EmoError: one has seen fewer than two features, or they differ in D.
    """
    covariances = (one.covariance, other.covariance)
    _check_sizes(one.mean, other.mean)
    factors = [_factor(covariance) for covariance in covariances]
    shared = np.linalg.svd(factors[0].T @ factors[1], compute_uv=False).sum()
    spread = sum(np.trace(covariance) for covariance in covariances) - 2 * shared
    return float(max(np.square(one.mean - other.mean).sum() + spread, 0.0))


def _factor(covariance: np.ndarray) -> np.ndarray:
    """F (D, rank) with covariance = F F^T."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > max(values[-1], 0.0) * len(values) * np.finfo(np.float64).eps
    return vectors[:, kept] * np.sqrt(values[kept])


def _check_sizes(one: np.ndarray, other: np.ndarray) -> None:
    if one.shape != other.shape:
        raise EmoError(f"features have {len(one)} and {len(other)} numbers each: take both from the same network")
