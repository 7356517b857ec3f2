"""Pictures to latents and back, in one way for generation and training; and the noise that clips start from."""

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch


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


@torch.no_grad()
def encode_pictures(vae: Autoencoder, pictures: torch.Tensor) -> torch.Tensor:
    """RGB uint8 (B, 3, H, W), on the device to work on → the modes of their latents (B, L, h, w), scaled as the
    scheduler wants them, in the VAE's precision."""
    return vae.encode(as_values(pictures, vae.dtype)).latent_dist.mode() * vae.config.scaling_factor


@torch.no_grad()
def encode_reference(vae: Autoencoder, picture: torch.Tensor, latents: torch.Tensor) -> Any | None:
    """What the autoencoder looks up when it decodes frames of a portrait; None of one that looks nothing up.

    Args:
        vae: the autoencoder; one that looks a portrait up has a method `encode_reference`.
        picture: the portrait at the frames' size, RGB uint8 (1, 3, H, W).
        latents: the portrait's, as `encode_pictures` makes them at the latents' own size.
    """
    encode = getattr(vae, "encode_reference", None)
    return encode and encode(as_values(picture, vae.dtype), _unscaled(vae, latents))


def as_values(pictures: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """RGB uint8 -> -1 ... 1, as autoencoders take them."""
    return (pictures / 127.5 - 1).to(dtype)


@torch.no_grad()
def decode_latents(vae: Autoencoder, latents: torch.Tensor, reference: Any | None = None) -> torch.Tensor:
    """Latents (B, L, h, w) in the scheduler's scale -> pictures float32 (B, 3, H, W), about -1 to 1.

    Args:
        vae: the autoencoder.
        latents: of frames.
        reference: of their portrait, as `encode_reference` made it; pictures are then as large as the portrait's.
    """
    looked_up = {} if reference is None else {"reference": reference}
    return vae.decode(_unscaled(vae, latents), return_dict=False, **looked_up)[0].float()


def _unscaled(vae: Autoencoder, latents: torch.Tensor) -> torch.Tensor:
    """Latents in the scheduler's scale as the autoencoder's own, in its precision."""
    return latents.to(vae.dtype) / vae.config.scaling_factor


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
