"""What an autoencoder learns by: the difference of pictures, of their gradients, structure and sharpness."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

from emo.bounds import Numbers
from emo.config import key

WINDOW = 7  # pixels, of SSIM
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue
DETAIL_WINDOW = 8  # pixels, of `detail`
WEIGHTS = Numbers(0, 1e4)


@dataclass
class PictureLossConfig:
    """Weights of the parts, relative to the absolute difference.

    Without sharpness a decoder stays blurred: where it is not certain of an edge's place, a soft one costs the other
    parts least.
    """

    gradient: Annotated[float, WEIGHTS] = key(0.5, "of the absolute difference of neighboring pixels' differences")
    ssim: Annotated[float, WEIGHTS] = key(0.1, "of 1 - SSIM")
    sharpness: Annotated[float, WEIGHTS] = key(
        0.0, "of the absolute difference of the luma's Laplacian, window by window"
    )
    mouth: Annotated[float, WEIGHTS] = key(
        0.0, "additional weight at the mouth's middle, of the absolute difference, the gradient and a flow"
    )
    mouth_sigma: Annotated[float, Numbers(0, 100, above=True)] = key(
        0.6, "standard deviation of that weight, as a share of the mouth's width"
    )


@dataclass
class ReconstructionConfig(PictureLossConfig):
    """The same for what reads latents."""

    latent_noise: Annotated[float, Numbers(0, 100)] = key(0.06, "most noise added to latents")


@dataclass
class FaceLossConfig(PictureLossConfig):
    """The same where a face's points are known."""

    eyes: Annotated[float, WEIGHTS] = key(0.0, "additional weight at the eyes, as the mouth's")
    eyes_sigma: Annotated[float, Numbers(0, 100, above=True)] = key(
        0.35, "standard deviation of that weight, as a share of the mouth's width"
    )


def reconstruction_loss(
    reconstruction: Tensor, pictures: Tensor, weight: Tensor, config: PictureLossConfig
) -> dict[str, Tensor]:
    """The parts of the loss, weighted already; their sum is the loss.

    Args:
        reconstruction, pictures: (B, 3, H, W) in -1 ... 1.
        weight: of every pixel, (B, 1, H, W).
        config: weights of the parts.
    """
    difference = reconstruction - pictures
    across = weight[..., 1:] * (difference[..., 1:] - difference[..., :-1]).abs()
    down = weight[..., 1:, :] * (difference[..., 1:, :] - difference[..., :-1, :]).abs()
    return {
        "absolute": (weight * difference.abs()).mean(),
        "gradient": config.gradient * (across.mean() + down.mean()),
        "structure": config.ssim * (1 - ssim(reconstruction, pictures)),
        "sharpness": config.sharpness * (detail(reconstruction) - detail(pictures)).abs().mean(),
    }


def detail(pictures: Tensor) -> Tensor:
    """Root mean square of the luma's Laplacian in square windows: (B, 3, H, W) -> (B, 1, about H / 4, about W / 4)."""
    luma = (pictures * pictures.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    laplacian = conv2d(luma, pictures.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None])
    return (avg_pool2d(laplacian.square(), DETAIL_WINDOW, stride=DETAIL_WINDOW // 2) + 1e-4).sqrt()


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of pictures (B, 3, H, W) in -1 ... 1, their mean over square windows."""
    first = first / 2 + 0.5
    second = second / 2 + 0.5
    a = _window_means(first)
    b = _window_means(second)
    variances = _window_means(first * first) - a * a + _window_means(second * second) - b * b
    covariance = _window_means(first * second) - a * b
    return ((2 * a * b + 1e-4) * (2 * covariance + 9e-4) / ((a * a + b * b + 1e-4) * (variances + 9e-4))).mean()


def _window_means(values: Tensor) -> Tensor:
    return avg_pool2d(values, WINDOW, stride=2)


def psnr(reconstruction: Tensor, pictures: Tensor, weight: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB of each picture (B, 3, H, W) in -1 ... 1, (B,).

    Args:
        reconstruction, pictures: what is compared.
        weight: of every pixel, (B, 1, H, W); all alike by default.
    """
    error = ((reconstruction.clamp(-1, 1) - pictures) / 2).square()
    weight = torch.ones_like(error) if weight is None else weight.expand_as(error)
    return -10 * ((error * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3))).clamp(min=1e-10).log10()
