"""A picture as feature maps of several sizes, from fine to coarse."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle

from emo.unets.patch_autoencoder import ResidualBlock

FINEST = 4  # pixels of a picture in a row or column of its finest features


class PicturePyramid(nn.Module):
    """Features of a quarter of the picture's size, and of one half of that after the other.

    Args:
        widths: of features, from the finest on.
        norm_num_groups: of every normalization.
    """

    def __init__(self, widths: Sequence[int], norm_num_groups: int):
        super().__init__()
        self.picture_in = nn.Conv2d(3 * FINEST**2, widths[0], kernel_size=3, padding=1)
        self.blocks = nn.ModuleList([ResidualBlock(widths[0], norm_num_groups)])
        for finer, width in pairwise(widths):
            down = nn.Conv2d(finer, width, kernel_size=3, stride=2, padding=1)
            self.blocks.append(nn.Sequential(down, ResidualBlock(width, norm_num_groups)))

    def features(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Pictures (B, 3, S, S) -> maps (B, width, S / 4, S / 4), ... of all sizes, from the finest on."""
        maps = self.picture_in(pixel_unshuffle(pictures, FINEST))
        features = []
        for block in self.blocks:
            maps = block(maps)
            features.append(maps)
        return tuple(features)
