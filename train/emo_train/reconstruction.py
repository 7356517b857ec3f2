"""What an autoencoder learns by: the difference of pictures, of their gradients and of their structure."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

WINDOW = 7  # pixels, of SSIM


@dataclass
class ReconstructionConfig:
    """Weights of the parts, relative to the absolute difference; the mouth's σ is a share of its width.

    gradient: of the absolute difference of neighbouring pixels' differences. ssim: of 1 − SSIM. kl: of the KL
    divergence per latent number, where the autoencoder has a posterior. latent_noise: most noise added to latents.
    mouth: additional weight at the mouth's middle, for the first two parts.
    """

    gradient: float = 0.5
    ssim: float = 0.1
    kl: float = 1e-6
    latent_noise: float = 0.06
    mouth: float = 0.0
    mouth_sigma: float = 0.6


def reconstruction_loss(
    found: Tensor, pictures: Tensor, weight: Tensor, config: ReconstructionConfig
) -> dict[str, Tensor]:
    """The parts of the loss, weighted already; their sum is the loss.

    Args:
        found, pictures: (B, 3, H, W) in −1…1.
        weight: of every pixel, (B, 1, H, W).
    """
    difference = found - pictures
    across = weight[..., 1:] * (difference[..., 1:] - difference[..., :-1]).abs()
    down = weight[..., 1:, :] * (difference[..., 1:, :] - difference[..., :-1, :]).abs()
    return {
        "absolute": (weight * difference.abs()).mean(),
        "gradient": config.gradient * (across.mean() + down.mean()),
        "structure": config.ssim * (1 - ssim(found, pictures)),
    }


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of pictures (B, 3, H, W) in −1…1, their mean over square windows."""
    first, second = first / 2 + 0.5, second / 2 + 0.5
    mean = lambda x: avg_pool2d(x, WINDOW, stride=2)
    a, b = mean(first), mean(second)
    variances = mean(first * first) - a * a + mean(second * second) - b * b
    covariance = mean(first * second) - a * b
    return ((2 * a * b + 1e-4) * (2 * covariance + 9e-4) / ((a * a + b * b + 1e-4) * (variances + 9e-4))).mean()


def psnr(found: Tensor, pictures: Tensor, weight: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB of each picture (B, 3, H, W) in −1…1, (B,); weight: (B, 1, H, W)."""
    error = ((found.clamp(-1, 1) - pictures) / 2).square()
    weight = torch.ones_like(error) if weight is None else weight.expand_as(error)
    return -10 * ((error * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3))).clamp(min=1e-10).log10()
