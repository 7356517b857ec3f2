"""A small autoencoder that starts as the principal components of picture patches, for training from scratch.

Its linear path alone reconstructs faces at about 30 dB before the first training step; residual networks on both
sides, whose last layers start at zero, learn what the linear path leaves. It has `AutoencoderKL`'s interface.
"""

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import AutoencoderMixin, DecoderOutput, IdentityDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle, silu

from emo.unets.attention import zero_


class PatchAutoencoder(ModelMixin, ConfigMixin, AutoencoderMixin):
    """Deterministic: the latents are their distribution's mode.

    Args:
        latent_channels: L.
        block_out_channels: widths of the residual networks from the finest features to the latents'; one more than
            there are halvings, so that patches measure 2^(len - 1) pixels.
        layers_per_block: residual blocks at the coarsest level.
        norm_num_groups: of every normalization; all widths but the first are its multiples.
        scaling_factor: makes the latents' standard deviation 1; measured by train/autoencoder.py.
        sample_size: pixels of the pictures it is trained on.
    """

    _supports_gradient_checkpointing = False

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 16,
        block_out_channels: Sequence[int] = (8, 16, 48, 128),
        layers_per_block: int = 3,
        norm_num_groups: int = 8,
        scaling_factor: float = 1.0,
        sample_size: int = 128,
    ):
        super().__init__()
        width = block_out_channels[-1]
        self.patch = 2 ** (len(block_out_channels) - 1)
        self.use_slicing = False
        self.patch_in = nn.Conv2d(3, latent_channels, kernel_size=self.patch, stride=self.patch)
        self.patch_out = nn.ConvTranspose2d(latent_channels, 3, kernel_size=self.patch, stride=self.patch)
        self.encoder = patch_encoder(latent_channels, self.patch, width, layers_per_block - 1, norm_num_groups)
        self.decoder = patch_decoder(latent_channels, block_out_channels, layers_per_block, norm_num_groups)

    @torch.no_grad()
    def start_from(self, pictures: Tensor, whitening: float = 0.5) -> None:
        """Set the linear path to the first L principal components of the pictures' patches.

        Args:
            pictures: (N, 3, H, W) in -1...1; N*H*W / patch² of a few ten thousand are plenty.
            whitening: exponent of the components' standard deviations by which they are divided: 0 keeps them, 1 makes
                them alike. In between, a diffusion model sees first what matters most.

        Raises:
            ValueError: there are fewer patches than numbers in a patch.
        """
        rows = pixel_unshuffle(pictures.float(), self.patch).movedim(1, -1).flatten(0, -2)
        if len(rows) < rows.shape[1]:
            raise ValueError(f"{len(rows)} patches are too few to find the components of {rows.shape[1]} numbers")
        mean = rows.mean(dim=0)
        variance, components = torch.linalg.eigh(torch.cov(rows.T, correction=0).double())
        channels = self.patch_in.out_channels
        deviation = variance.flip(0)[:channels].clamp(min=1e-8).sqrt()
        components = components.flip(1)[:, :channels]  # (3*patch², L), as pixel_unshuffle orders the numbers
        scale = deviation**whitening
        scale *= (deviation / scale).square().mean().sqrt()  # all channels together have variance 1
        kernel = (channels, 3, self.patch, self.patch)
        analysis = (components / scale).T.float()
        synthesis = (components * scale).T.float()
        self.patch_in.load_state_dict({"weight": analysis.reshape(kernel), "bias": -analysis @ mean})
        # Every pixel of a patch has its own mean; a convolution has one bias per color, and the components the rest.
        self.patch_out.load_state_dict({"weight": synthesis.reshape(kernel), "bias": mean.view(3, -1).mean(dim=1)})

    @apply_forward_hook
    def encode(self, x: Tensor, return_dict: bool = True) -> AutoencoderKLOutput | tuple[IdentityDistribution]:
        """Pictures (B, 3, H, W) in -1...1 -> distribution over latents (B, L, H / patch, W / patch)."""
        distribution = IdentityDistribution(self._latents(x))
        return AutoencoderKLOutput(latent_dist=distribution) if return_dict else (distribution,)

    @apply_forward_hook
    def decode(self, z: Tensor, return_dict: bool = True) -> DecoderOutput | tuple[Tensor]:
        """Latents (B, L, h, w) -> pictures (B, 3, h * patch, w * patch)."""
        parts = z.split(1) if self.use_slicing else [z]
        pictures = torch.cat([self.patch_out(part) + self.decoder(part) for part in parts])
        return DecoderOutput(sample=pictures) if return_dict else (pictures,)

    def forward(self, sample: Tensor, return_dict: bool = True) -> DecoderOutput | tuple[Tensor]:
        """Pictures (B, 3, H, W) in -1...1 -> their reconstructions."""
        return self.decode(self._latents(sample), return_dict=return_dict)

    def _latents(self, pictures: Tensor) -> Tensor:
        parts = pictures.split(1) if self.use_slicing else [pictures]
        return torch.cat([self.patch_in(part) + self.encoder(pixel_unshuffle(part, self.patch)) for part in parts])


class ResidualBlock(nn.Module):
    """Two convolutions whose sum with the input starts as the input."""

    def __init__(self, width: int, norm_num_groups: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(norm_num_groups, width)
        self.conv1 = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.norm2 = nn.GroupNorm(norm_num_groups, width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1)
        zero_(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h, w) -> the same."""
        hidden = self.conv1(silu(self.norm1(x)))
        return x + self.conv2(silu(self.norm2(hidden)))


def patch_encoder(channels: int, patch: int, width: int, layers: int, norm_num_groups: int) -> nn.Sequential:
    """Patches of pictures, as `pixel_unshuffle` has them, (B, 3 patch², h, w) -> (B, channels, h, w); starts at 0."""
    encoder = nn.Sequential(
        nn.Conv2d(3 * patch**2, width, kernel_size=3, padding=1),
        *(ResidualBlock(width, norm_num_groups) for _ in range(layers)),
        nn.Conv2d(width, channels, kernel_size=3, padding=1),
    )
    zero_(encoder[-1])
    return encoder


def patch_decoder(
    channels: int, block_out_channels: Sequence[int], layers: int, norm_num_groups: int
) -> nn.Sequential:
    """Latents (B, channels, h, w) -> pictures (B, 3, h * patch, w * patch), in as many doublings; starts at 0."""
    *finer, width = block_out_channels
    decoder = nn.Sequential(
        nn.Conv2d(channels, width, kernel_size=3, padding=1),
        *(ResidualBlock(width, norm_num_groups) for _ in range(layers)),
    )
    for level, finer_width in enumerate(reversed(finer), 1):
        decoder.append(nn.Conv2d(width, 4 * finer_width, kernel_size=3, padding=1))
        decoder.append(nn.PixelShuffle(2))
        last = level == len(finer)  # at full size only one activation: all else would cost more than it brings
        decoder.append(nn.SiLU() if last else ResidualBlock(finer_width, norm_num_groups))
        width = finer_width
    decoder.append(nn.Conv2d(width, 3, kernel_size=3, padding=1))
    zero_(decoder[-1])
    return decoder
