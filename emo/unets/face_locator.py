"""The face locator (3.2.5): a light convolution stack from the face region's mask to the backbone's first features."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn.functional import silu

from emo.unets.attention import zero_


class FaceLocator(ModelMixin, ConfigMixin):
    """Halves the mask's size once per pair of `block_out_channels`; the last convolution starts at zero.

    Args:
        block_out_channels: widths; one more than the number of halvings, which is 3 for an autoencoder of factor 8.
        out_channels: the backbone's first width.
    """

    @register_to_config
    def __init__(self, block_out_channels: Sequence[int] = (16, 32, 96, 256), out_channels: int = 320):
        super().__init__()
        self.conv_in = nn.Conv2d(1, block_out_channels[0], kernel_size=3, padding=1)
        self.blocks = nn.ModuleList()
        for inputs, outputs in pairwise(block_out_channels):
            self.blocks.append(nn.Conv2d(inputs, inputs, kernel_size=3, padding=1))
            self.blocks.append(nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, stride=2))
        self.conv_out = nn.Conv2d(block_out_channels[-1], out_channels, kernel_size=3, padding=1)
        zero_(self.conv_out)

    def forward(self, mask: torch.Tensor) -> torch.Tensor:
        """Mask M of a clip (B, 1, H, W), the union of the face boxes, in [0, 1] -> (B, out_channels, h, w)."""
        x = silu(self.conv_in(mask))
        for conv in self.blocks:
            x = silu(conv(x))
        return self.conv_out(x)
