"""What SyncNet can learn by: lags of a clip's own moments, or the paper's pairs."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from emo.training.syncnet.config import SyncLossConfig

NEAR = 1  # frames by which a found offset may be off


def lag_loss(lips: Tensor, sounds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy of finding a picture's sound among all of its clip's, and a sound's picture, with logits that are
    the negative distances which LSE-D averages; embeddings (B, N, D). Logged: how often the sound is found, give or
    take a frame."""
    logits = -(lips[:, :, None] - sounds[:, None]).square().sum(-1).add(1e-6).sqrt()  # (B, N, N)
    target = torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)
    loss = (cross_entropy(logits.transpose(1, 2), target) + cross_entropy(logits, target)) / 2
    return loss, {"found": ((logits.argmax(2) - target).abs() <= NEAR).float().mean()}


def contrastive_loss(
    lips: Tensor, sounds: Tensor, shifts: list[int], config: SyncLossConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """The paper's loss: squared distances of true pairs, and the squares of what false ones lack of the margin.

    Args:
        lips, sounds: (B, N, D).
        shifts: of each sample's sounds, for the false pairs.
        config: the margin.
    """
    false = torch.stack([sound.roll(shift, 0) for sound, shift in zip(sounds, shifts, strict=True)])
    near = (lips - sounds).square().sum(-1).add(1e-6)
    far = (lips - false).square().sum(-1).add(1e-6).sqrt()
    loss = (near.mean() + (config.margin - far).clamp(min=0).square().mean()) / 2
    return loss, {"true": near.sqrt().mean(), "false": far.mean()}
