"""Pictures to latents and back, in one way for generation and training; and the noise that clips start from."""

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch

from emo.errors import OptionError
from emo.media import MAX_SIDE


class Autoencoder(Protocol):
    """An autoencoder between pictures and latents, with the interface of diffusers' AutoencoderKL.

    Attributes:
        config: holds `scaling_factor`, latents as the scheduler wants them over its own.
        dtype: its precision.
        encode: pictures -> an object whose `latent_dist` has a `mode`.
        decode: (latents, return_dict=False) -> a tuple that begins with the pictures.
    """

    config: Any
    encode: Callable[..., Any]
    decode: Callable[..., Any]

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        ...


def check_side(value: int | None, name: str, multiple: int, default: int) -> int:
    """A side of the generated picture in pixels.

    Args:
        value: what was asked for, if anything.
        name: of the option.
        multiple: what the networks divide a side by.
        default: the model's own.

    Raises:
        OptionError: it is no multiple of what the networks halve, or more than a video can hold.
    """
    side = default if value is None else value
    if side % multiple or not multiple <= side <= MAX_SIDE:
        most = MAX_SIDE // multiple * multiple
        problem = f"{name} is {side}; it must be one of the multiples of {multiple} from {multiple} to {most}"
        raise OptionError(problem, option=name)
    return side


@torch.no_grad()
def encode_pictures(vae: Autoencoder, pictures: torch.Tensor) -> torch.Tensor:
    """RGB uint8 (B, 3, H, W), on the device to work on → the modes of their latents (B, L, h, w), scaled as the
    scheduler wants them, in the VAE's precision."""
    pictures = (pictures / 127.5 - 1).to(vae.dtype)
    return vae.encode(pictures).latent_dist.mode() * vae.config.scaling_factor


@torch.no_grad()
def decode_latents(vae: Autoencoder, latents: torch.Tensor) -> torch.Tensor:
    """Latents (B, L, h, w) in the scheduler's scale -> pictures float32 (B, 3, H, W), about -1 to 1."""
    latents = latents.to(vae.dtype) / vae.config.scaling_factor
    return vae.decode(latents, return_dict=False)[0].float()


def correlate_noise(noise: torch.Tensor, correlation: float) -> torch.Tensor:
    """Independent noise of frames, (…, F, L, h, w) → normal noise that is correlated by ρ from each to the next:
    ε_i = ρ ε_{i−1} + √(1−ρ²) of its own (the "progressive" noise of Ge et al. 2023, https://arxiv.org/abs/2305.10474).
    """
    if not correlation:
        return noise
    first, *others = noise.unbind(-4)
    frames = [first]
    for own in others:
        frames.append(correlation * frames[-1] + math.sqrt(1 - correlation**2) * own)
    return torch.stack(frames, -4)


def clip_noise(fresh: torch.Tensor, before: torch.Tensor | None, mirroring: float) -> torch.Tensor:
    """The noise of a clip, (1, F, L, h, w), normal like `fresh`, but correlated by √`mirroring` with that of the clip
    `before`, its frames in reverse: so the frames on both sides of the border start alike, and what a network makes of
    its noise rather than of its conditions goes on across it. Inside, frames are as alike as those of `fresh`."""
    if before is None or not mirroring:
        return fresh
    return math.sqrt(mirroring) * before.to(fresh.device).flip(1) + math.sqrt(1 - mirroring) * fresh
