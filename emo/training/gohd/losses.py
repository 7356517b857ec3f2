"""What GoHD's stage 2 learns by (supplement B), of normalized named controls; stage 1's losses: `lip_losses`."""

import torch
from torch import Tensor

C1 = 0.01**2  # of structural similarity, of normalized sequences
C2 = 0.03**2


def ssim_loss(made: Tensor, true: Tensor) -> Tensor:
    """L_ssim (eq. 26): 1 - structural similarity over time, (B, T, F) each; mean over features and samples."""
    mean, own = made.mean(1), true.mean(1)
    variance, truth = made.var(1, correction=0), true.var(1, correction=0)
    together = ((made - mean[:, None]) * (true - own[:, None])).mean(1)
    above = (2 * mean * own + C1) * (2 * together + C2)
    below = (mean.square() + own.square() + C1) * (variance + truth + C2)
    return (1 - above / below).mean()


def energy_score(made: Tensor, true: Tensor, spread: float) -> Tensor:
    """L_1' (eq. 27), which at `spread` 1 is a proper score (Gneiting and Raftery 2007): least where motion is drawn as
    it is distributed; at 0, the paper's, where all draws are its median.

    Args:
        made: draws, (N, B, T, F), N 2 where spread counts.
        true: (B, T, F).
        spread: share of half the mean absolute difference of two draws that is taken off.
    """
    apart = (made - true).abs().mean()
    return apart - spread / 2 * (made[0] - made[1]).abs().mean() if spread else apart


def told_true(score: Tensor) -> Tensor:
    """How far scores of what was made are from those of the true (least squares, Mao et al. 2017)."""
    return (score.float() - 1).square().mean()


def told_apart(true: Tensor, made: Tensor) -> Tensor:
    """How far a discriminator is from telling scores of the true 1 and of the made 0."""
    return (true.float() - 1).square().mean() + made.float().square().mean()


def total(parts: dict[str, Tensor]) -> Tensor:
    """The sum of a loss's parts."""
    return torch.stack(list(parts.values())).sum()
