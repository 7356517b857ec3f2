"""A picture as a few numbers."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, pixel_unshuffle, silu

from emo.unets.patch_autoencoder import ResidualBlock

CODE_FINEST = 8  # pixels of a picture in a row or column of what codes are made of
POOLED = 4  # rows and columns of the features that a code is made of


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
