"""What tells true pictures from drawn ones, for losses."""

from collections.abc import Sequence
from itertools import pairwise

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

SLOPE = 0.2  # of activations below 0


class PatchDiscriminator(ModelMixin, ConfigMixin):
    """Judges every patch of a picture by itself (Isola et al. 2017).

    Args:
        block_out_channels: widths, each of maps half as large as those before, the first of half the pictures' size.
        norm_num_groups: of normalizations, of which the first layer has none.
    """

    @register_to_config
    def __init__(self, *, block_out_channels: Sequence[int] = (64, 128, 256), norm_num_groups: int = 32):
        super().__init__()
        widths = tuple(block_out_channels)
        self.picture_in = nn.Conv2d(3, widths[0], kernel_size=4, stride=2, padding=1)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(finer, width, kernel_size=4, stride=2, padding=1), nn.GroupNorm(norm_num_groups, width)
            )
            for finer, width in pairwise(widths)
        )
        self.score_out = nn.Conv2d(widths[-1], 1, kernel_size=3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in -1 ... 1 -> scores of patches (B, 1, h, w), above 0 where they are taken for true."""
        hidden = leaky_relu(self.picture_in(pictures), SLOPE)
        for layer in self.layers:
            hidden = leaky_relu(layer(hidden), SLOPE)
        return self.score_out(hidden)
