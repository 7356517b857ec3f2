"""What VASA-1's face model sees in a picture (3.1): its appearance as a volume, and codes, each by an encoder of its
own."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, pixel_unshuffle, silu

from emo.motion.vasa.volume import VolumeBlock
from emo.unets.patch_autoencoder import ResidualBlock
from emo.unets.picture_pyramid import PicturePyramid

CODE_FINEST = 8  # pixels of a picture in a row or column of what codes are made of
POOLED = 4  # rows and columns of the features that a code is made of


class AppearanceEncoder(PicturePyramid):
    """A picture as a volume, posed as it is, and its features on the way there.

    Args:
        widths: of features, from the finest on, each half as large as the one before; the last are the volume's size.
        volume_channels: C.
        volume_depth: Z.
        layers_per_block: residual blocks of two dimensions at the volume's size.
        volume_layers: residual blocks of three dimensions.
        norm_num_groups: of every normalization.
    """

    def __init__(
        self,
        widths: Sequence[int],
        volume_channels: int,
        volume_depth: int,
        layers_per_block: int,
        volume_layers: int,
        norm_num_groups: int,
    ):
        super().__init__(widths, norm_num_groups)
        self.middle = nn.Sequential(*(ResidualBlock(widths[-1], norm_num_groups) for _ in range(layers_per_block)))
        self.to_volume = nn.Conv2d(widths[-1], volume_channels * volume_depth, kernel_size=1)
        self.volume_shape = (volume_channels, volume_depth)
        self.volume = nn.Sequential(*(VolumeBlock(volume_channels, norm_num_groups) for _ in range(volume_layers)))

    def forward(self, pictures: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Pictures (B, 3, S, S) -> volumes (B, C, Z, h, w), and features from the finest on but for the last."""
        *finer, maps = self.features(pictures)
        volume = self.to_volume(silu(self.middle(maps))).unflatten(1, self.volume_shape)
        return self.volume(volume), tuple(finer)


class CodeEncoder(nn.Module):
    """A picture as a few numbers.

    Args:
        dim: how many.
        widths: of features from one in eight pixels on, each half as large as the one before.
        norm_num_groups: of every normalization.
    """

    def __init__(self, dim: int, widths: Sequence[int], norm_num_groups: int):
        super().__init__()
        self.picture_in = nn.Conv2d(3 * CODE_FINEST**2, widths[0], kernel_size=3, padding=1)
        self.blocks = nn.Sequential(ResidualBlock(widths[0], norm_num_groups))
        for finer, width in pairwise(widths):
            self.blocks.append(nn.Conv2d(finer, width, kernel_size=3, stride=2, padding=1))
            self.blocks.append(ResidualBlock(width, norm_num_groups))
        self.norm_out = nn.GroupNorm(norm_num_groups, widths[-1])
        self.out = nn.Linear(widths[-1] * POOLED**2, dim)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, dim)."""
        maps = silu(self.norm_out(self.blocks(self.picture_in(pixel_unshuffle(pictures, CODE_FINEST)))))
        return self.out(adaptive_avg_pool2d(maps, POOLED).flatten(1))
