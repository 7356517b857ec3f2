"""The non-rigid warp: how a face moves within its head."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate, silu

from emo.motion.vasa.volume import look_up
from emo.unets.attention import zero_

COARSEST = 4  # voxels in a row or column, at which a warp begins
STEP = 0.5  # half sides of offset for an output of 1


class WarpField(nn.Module):
    """Offsets of all voxels from a code, coarse to fine. It starts without any.

    Args:
        code_dim: of the code.
        depth: Z, voxels of the finest field along the camera's axis.
        channels: widths from the field of 4 x 4 on, each field twice as large as the one before.
        norm_num_groups: of every normalization.
    """

    def __init__(self, code_dim: int, depth: int, channels: Sequence[int], norm_num_groups: int):
        super().__init__()
        finest = len(channels) - 1
        self.sizes = [
            (max(1, depth >> (finest - level)), COARSEST << level, COARSEST << level) for level in range(len(channels))
        ]
        self.code_in = nn.Linear(code_dim, channels[0] * self.sizes[0][0] * COARSEST**2)
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.Conv3d(width, finer, kernel_size=3, padding=1), nn.GroupNorm(norm_num_groups, finer), nn.SiLU()
            )
            for width, finer in pairwise(channels)
        )
        self.out = nn.Conv3d(channels[-1], 3, kernel_size=3, padding=1)
        zero_(self.out)

    def forward(self, code: Tensor) -> Tensor:
        """(B, code) -> x, y, z in half sides, (B, 3, Z, h, w)."""
        hidden = silu(self.code_in(code).unflatten(1, (-1, *self.sizes[0])))
        for size, level in zip(self.sizes[1:], self.levels, strict=True):
            hidden = level(interpolate(hidden, size, mode="trilinear", align_corners=False))
        return STEP * self.out(hidden)


def moved(places: Tensor, field: Tensor) -> Tensor:
    """Places (B or 1, Z, h, w, 3), each by the offset that a field (B, 3, z, y, x) has there: (B, Z, h, w, 3)."""
    places = places.expand(len(field), *places.shape[1:])
    return places + look_up(field, places).movedim(1, -1)
