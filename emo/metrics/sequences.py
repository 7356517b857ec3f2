"""How lively a sequence is and how like another one: GoHD's variance and structural similarity (eq. 26)."""

import numpy as np

from emo.errors import EmoError

K1 = 0.01  # of SSIM (Wang et al. 2004)
K2 = 0.03


def sequence_variance(sequence: np.ndarray) -> float:
    """Var_p and Var_e: variance over time, mean over dimensions, (T, D) -> in squared units of the sequence.

    Raises:
        EmoError: not (T, D) finite numbers with T > 1.
    """
    return float(_check(sequence).var(axis=0).mean())


def sequence_similarity(one: np.ndarray, other: np.ndarray, span: float) -> float:
    """SSIM_p and SSIM_e: structural similarity of two sequences (T, D), mean over dimensions; 1 for equal ones.

    Per dimension (2 m m' + C1) (2 cov + C2) / ((m^2 + m'^2 + C1) (s^2 + s'^2 + C2)), with means m, variances s^2 and
    the covariance over time. GoHD does not say its constants: here C1 = (0.01 L)^2, C2 = (0.03 L)^2 as in pictures,
    with L the range that such a sequence can take. Of different lengths, the frames that both have are compared.

    Args:
        one: (T, D).
        other: (T, D).
        span: L, in the sequences' units.

    Raises:
        EmoError: not (T, D) finite numbers with T > 1 and the same D.
    """
    one = _check(one)
    other = _check(other)
    if one.shape[1] != other.shape[1]:
        raise EmoError(f"sequences of {one.shape[1]} and {other.shape[1]} dimensions cannot be compared")
    frames = min(len(one), len(other))
    one = one[:frames]
    other = other[:frames]
    c1 = (K1 * span) ** 2
    c2 = (K2 * span) ** 2
    means = (one.mean(0), other.mean(0))
    covariance = ((one - means[0]) * (other - means[1])).mean(0)
    likeness = (2 * means[0] * means[1] + c1) * (2 * covariance + c2)
    return float(np.mean(likeness / ((means[0] ** 2 + means[1] ** 2 + c1) * (one.var(0) + other.var(0) + c2))))


def _check(sequence: np.ndarray) -> np.ndarray:
    sequence = np.asarray(sequence, np.float64)
    if sequence.ndim != 2 or len(sequence) < 2 or sequence.shape[1] == 0 or not np.isfinite(sequence).all():
        raise EmoError(f"a sequence must be (T, D) finite numbers with T > 1, not an array of shape {sequence.shape}")
    return sequence
