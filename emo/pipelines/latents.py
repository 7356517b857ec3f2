"""Pictures to latents, in one way for generation and training; and the noise that clips start from."""

import math

import torch
from diffusers import AutoencoderKL


@torch.no_grad()
def encode_pictures(vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """RGB uint8 (B, 3, H, W), on the device to work on → the modes of their latents (B, L, h, w), scaled as the
    scheduler wants them, in the VAE's precision."""
    pictures = (pictures / 127.5 - 1).to(vae.dtype)
    return vae.encode(pictures).latent_dist.mode() * vae.config.scaling_factor


def correlate_noise(fresh: torch.Tensor, correlation: float, before: torch.Tensor | None = None) -> torch.Tensor:
    """Normal noise whose frames are correlated, each with the next: ε_i = ρ ε_{i−1} + √(1−ρ²) of its own (the
    "progressive" noise of Ge et al. 2023, https://arxiv.org/abs/2305.10474).

    Args:
        fresh: independent noise, (…, F, L, h, w).
        correlation: ρ; 0 leaves `fresh` as it is.
        before: noise of the frame before the first one, (…, L, h, w); `None` if there is none.
    """
    if not correlation:
        return fresh
    frames = []
    for own in fresh.unbind(-4):
        own = own if before is None else correlation * before + math.sqrt(1 - correlation**2) * own
        frames.append(before := own)
    return torch.stack(frames, -4)
