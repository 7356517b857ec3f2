"""What GoHD's expressions are learned by (supplement B), of normalized named controls."""

import torch
from torch import Tensor

from emo.motion.gohd import LipMapper
from emo.training.gohd.config import GoHDLipLossConfig
from emo.training.motion_loss import masked_mean

C1 = 0.01**2  # of structural similarity, of normalized sequences
C2 = 0.03**2
LIPS = "jaw"  # by whose opening lips are apart


def lip_losses(
    made: Tensor, true: Tensor, mapper: LipMapper, mask: Tensor, config: GoHDLipLossConfig
) -> dict[str, Tensor]:
    """The parts of L_stage1 (eq. 18), weighted already; their sum is the loss.

    L_lms of the paper is of landmarks of a mesh, and L_read of a network that reads lips: neither is here.

    Args:
        made: normalized expressions, (B, T, E).
        true: the clip's own.
        mapper: says which columns are eyes.
        mask: (B, T) bool, frames that there are.
        config: the weights.
    """
    error = (made - true).abs()
    jaw = mapper.space.index(LIPS)
    return {
        "expression": config.expression * masked_mean(error, mask),
        "eyes": config.eyes * masked_mean(error[..., mapper.eyes], mask),
        "shut": config.shut * masked_mean(error[..., jaw], mask),
    }


def ssim_loss(made: Tensor, true: Tensor) -> Tensor:
    """L_ssim (eq. 26): 1 - structural similarity over time, (B, T, F) each; mean over features and samples."""
    mean, own = made.mean(1), true.mean(1)
    variance, truth = made.var(1, correction=0), true.var(1, correction=0)
    together = ((made - mean[:, None]) * (true - own[:, None])).mean(1)
    above = (2 * mean * own + C1) * (2 * together + C2)
    below = (mean.square() + own.square() + C1) * (variance + truth + C2)
    return (1 - above / below).mean()


def told_true(score: Tensor) -> Tensor:
    """How far scores of what was made are from those of the true (least squares, Mao et al. 2017)."""
    return (score.float() - 1).square().mean()


def told_apart(true: Tensor, made: Tensor) -> Tensor:
    """How far a discriminator is from telling scores of the true 1 and of the made 0."""
    return (true.float() - 1).square().mean() + made.float().square().mean()


def total(parts: dict[str, Tensor]) -> Tensor:
    """The sum of a loss's parts."""
    return torch.stack(list(parts.values())).sum()
