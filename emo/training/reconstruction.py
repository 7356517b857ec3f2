"""What an autoencoder learns by: the difference of pictures, of their gradients, structure and sharpness."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

from emo.bounds import Numbers

WINDOW = 7  # pixels, of SSIM
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue
DETAIL_WINDOW = 8  # pixels, of `detail`
WEIGHTS = Numbers(0, 1e4)


@dataclass
class ReconstructionConfig:
    """Weights of the parts, relative to the absolute difference; the mouth's σ is a share of its width.

    gradient: of the absolute difference of neighboring pixels' differences. ssim: of 1 − SSIM. sharpness: of the
    absolute difference of `detail`; the other parts alone leave a decoder blurred, for where it is not certain of an
    edge's place, a soft one costs them least. kl: of the KL divergence per latent number, where the autoencoder has a
    posterior. latent_noise: most noise added to latents.
    mouth: additional weight at the mouth's middle, for the first two parts.
    """

    gradient: Annotated[float, WEIGHTS] = 0.5
    ssim: Annotated[float, WEIGHTS] = 0.1
    sharpness: Annotated[float, WEIGHTS] = 0.0
    kl: Annotated[float, WEIGHTS] = 1e-6
    latent_noise: Annotated[float, Numbers(0, 100)] = 0.06
    mouth: Annotated[float, WEIGHTS] = 0.0
    mouth_sigma: Annotated[float, Numbers(0, 100, above=True)] = 0.6


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
        "sharpness": config.sharpness * (detail(found) - detail(pictures)).abs().mean(),
    }


def detail(pictures: Tensor) -> Tensor:
    """Root mean square of the luma's Laplacian in square windows: (B, 3, H, W) → (B, 1, about H / 4, about W / 4)."""
    luma = (pictures * pictures.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    laplacian = conv2d(luma, pictures.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None])
    return (avg_pool2d(laplacian.square(), DETAIL_WINDOW, stride=DETAIL_WINDOW // 2) + 1e-4).sqrt()


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
