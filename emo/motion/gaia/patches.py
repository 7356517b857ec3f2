"""GAIA's encoders and decoder over patches of pixels: what a computer without a GPU can train. Not the paper's."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle

from emo.unets.attention import zero_
from emo.unets.patch_autoencoder import PatchAutoencoder, ResidualBlock, patch_decoder, patch_encoder

LOG_VARIANCE = -4.0  # of latents that nothing has trained


class PatchEncoder(nn.Module):
    """Means and log variances of latents: a linear map of every patch, and what residual blocks add to it.

    Args:
        channels: of the latents, half of what comes out.
        patch: pixels of its sides.
        width: of the blocks.
        layers: of the blocks.
        norm_num_groups: of every normalization.
    """

    def __init__(self, channels: int, patch: int, width: int, layers: int, norm_num_groups: int):
        super().__init__()
        self.patch = patch
        self.channels = channels
        self.linear = nn.Conv2d(3, 2 * channels, kernel_size=patch, stride=patch)
        self.blocks = patch_encoder(2 * channels, patch, width, layers, norm_num_groups)
        with torch.no_grad():
            self.linear.weight[channels:] = 0
            self.linear.bias[channels:] = LOG_VARIANCE  # pyright: ignore[reportOptionalSubscript]

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 2 * channels, H / patch, W / patch)."""
        return self.linear(pictures) + self.blocks(pixel_unshuffle(pictures, self.patch))

    @torch.no_grad()
    def start_from(self, trained: PatchAutoencoder) -> None:
        """Take the latents of a trained one for the means, of the same sizes."""
        own = self.linear, *self.blocks
        for layer, given in zip(own, (trained.patch_in, *trained.encoder), strict=True):
            for value, start in zip(layer.parameters(), given.parameters(), strict=True):
                value[: len(start)] = start


class PatchDecoder(nn.Module):
    """A linear map of every place to its patch, and what residual blocks add to it.

    Args:
        channels: of the latents.
        block_out_channels: widths from the pictures' size to the latents'.
        layers: blocks at the latents' size.
        norm_num_groups: of every normalization.
    """

    def __init__(self, channels: int, block_out_channels: Sequence[int], layers: int, norm_num_groups: int):
        super().__init__()
        patch = 2 ** (len(block_out_channels) - 1)
        self.linear = nn.ConvTranspose2d(channels, 3, kernel_size=patch, stride=patch)
        self.blocks = patch_decoder(channels, block_out_channels, layers, norm_num_groups)

    def forward(self, latents: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, 3, h * patch, w * patch)."""
        return self.linear(latents) + self.blocks(latents)

    def start_from(self, trained: PatchAutoencoder) -> None:
        """Draw as a trained one of the same sizes does."""
        self.linear.load_state_dict(trained.patch_out.state_dict())
        self.blocks.load_state_dict(trained.decoder.state_dict())


class LatentMixer(nn.Module):
    """The projection of z_a and z_m (eq. 2): what the appearance's latent would be, did its person what z_m says.

    Args:
        appearance_channels: of z_a.
        motion_channels: of z_m.
        width: of the residual blocks.
        layers: of them; each sees two places further.
        norm_num_groups: of every normalization.
    """

    def __init__(self, appearance_channels: int, motion_channels: int, width: int, layers: int, norm_num_groups: int):
        super().__init__()
        self.channels = appearance_channels
        self.blocks = nn.Sequential(
            nn.Conv2d(appearance_channels + motion_channels, width, kernel_size=3, padding=1),
            *(ResidualBlock(width, norm_num_groups) for _ in range(layers)),
            nn.Conv2d(width, appearance_channels, kernel_size=3, padding=1),
        )
        zero_(self.blocks[-1])

    def forward(self, both: Tensor) -> Tensor:
        """z_a, then z_m, (B, L_a + L_m, h, w) -> (B, L_a, h, w); starts as z_a."""
        return both[:, : self.channels] + self.blocks(both)
