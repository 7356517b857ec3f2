"""Pictures to latents, in one way for generation and training."""

import torch
from diffusers import AutoencoderKL


@torch.no_grad()
def encode_pictures(vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """RGB uint8 (B, 3, H, W), on the device to work on → the modes of their latents (B, L, h, w), scaled as the
    scheduler wants them, in the VAE's precision."""
    pictures = (pictures / 127.5 - 1).to(vae.dtype)
    return vae.encode(pictures).latent_dist.mode() * vae.config.scaling_factor
