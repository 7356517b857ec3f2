"""What the motion model learns: the motion itself, its mouth above all."""

from collections.abc import Sequence

import torch
from torch import Tensor

from emo.training.motion_loss import masked_mean
from emo.training.vasa.config import MotionLossConfig
from emo.training.vasa.samples import MotionBatch

BORDER = 5.0
"""Frames over which the weight of a window's beginning falls to 1/e."""


def motion_loss(
    found: Tensor, batch: MotionBatch, continued: Tensor, mouth: Sequence[int], config: MotionLossConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """||X0 - H||^2 over the frames that there are, weighted by column and by nearness to frames that are known; and of
    what changes between them, if asked for.

    Args:
        found: normalized motion (B, W, D).
        batch: holds the true one.
        continued: whether samples are given the motion before, (B,) bool.
        mouth: columns of the mouth.
        config: the weights.

    Returns:
        The loss; and the squared errors of all columns alike and of the mouth's.
    """
    weights = torch.ones(found.shape[-1], device=found.device)
    weights[list(mouth)] = config.mouth_weight
    weights = weights / weights.mean()
    mask = batch.frame_mask.to(found.device)
    error = (found.float() - batch.motion).square()
    near = torch.exp(-torch.arange(found.shape[1], device=found.device) / BORDER)
    border = 1 + config.border_weight * continued.to(found)[:, None, None] * near[:, None]
    loss = masked_mean(error * weights * border, mask)
    if config.velocity_weight:
        change = (found.float().diff(dim=1) - batch.motion.diff(dim=1)).square()
        loss = loss + config.velocity_weight * masked_mean(change * weights, mask[:, 1:])
    return loss, {"squared_error": masked_mean(error, mask), "mouth": masked_mean(error[..., list(mouth)], mask)}
