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


def clip_noise(fresh: torch.Tensor, before: torch.Tensor | None, mirroring: float) -> torch.Tensor:
    """The noise of a clip, (1, F, L, h, w), normal and independent from frame to frame, like `fresh`, but correlated
    by √`mirroring` with that of the clip `before`, its frames in reverse: so the frames on both sides of the border
    start alike, and what a network makes of its noise rather than of its conditions goes on across it."""
    if before is None or not mirroring:
        return fresh
    return math.sqrt(mirroring) * before.to(fresh.device).flip(1) + math.sqrt(1 - mirroring) * fresh
