"""The second half of VASA-1's decoder (3.1): a picture from a volume that is posed as it shall be."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle

from emo.motion.vasa.volume import voxel_centers
from emo.unets.attention import zero_
from emo.unets.patch_autoencoder import ResidualBlock
from emo.unets.pixel_painter import PixelPainter, twice_as_large
from emo.unets.reference_decoder import Drawing, FlowLevel
from emo.unets.warp import warp


class VolumeDecoder(PixelPainter):
    """Draws frames from posed volumes.

    With `pixel_skip`, which is not the paper's, the volume's warp is seen as a flow of the picture: every column of
    the volume says at which depth it shows something, or that what is seen there does not move with the head. The flow
    is mended at finer sizes, as a `ReferenceDecoder` does, the portrait's own pixels are moved by it, and a mask lays
    them over what is decoded.

    Args:
        widths: of features, from the finest, of half the picture's size, to the volume's.
        volume_channels: C.
        volume_depth: Z.
        layers_per_block: residual blocks at the volume's size.
        norm_num_groups: of every normalization.
        pixel_skip: whether the portrait's pixels are used.
    """

    def __init__(
        self,
        widths: Sequence[int],
        volume_channels: int,
        volume_depth: int,
        layers_per_block: int,
        norm_num_groups: int,
        pixel_skip: bool,
    ):
        finest, *_, coarsest = widths
        super().__init__(finest, pixel_skip)
        self.pixel_skip = pixel_skip
        self.volume_in = nn.Conv2d(volume_channels * volume_depth, coarsest, kernel_size=3, padding=1)
        self.middle = nn.Sequential(*(ResidualBlock(coarsest, norm_num_groups) for _ in range(layers_per_block)))
        coarse_to_fine = list(pairwise(widths[::-1]))
        if pixel_skip:
            self.depth_share = nn.Conv2d(coarsest, volume_depth + 1, kernel_size=3, padding=1)
            pixels = 3 * 2**2  # of the portrait at half its size
            looked_up = [*widths[1:-1][::-1], pixels]
            self.levels = nn.ModuleList(
                FlowLevel(width, finer, channels, norm_num_groups)
                for (width, finer), channels in zip(coarse_to_fine, looked_up, strict=True)
            )
            zero_(self.depth_share)
        else:
            self.levels = nn.ModuleList(
                nn.Sequential(twice_as_large(width, finer), ResidualBlock(finer, norm_num_groups))
                for width, finer in coarse_to_fine
            )

    def forward(self, volume: Tensor, origin: Tensor, picture: Tensor, features: Sequence[Tensor]) -> Drawing:
        """Frames.

        Args:
            volume: posed as they shall be, (B, C, Z, h, w).
            origin: where in the portrait each voxel's content stands, x and y in half sides, (B, 2, Z, h, w).
            picture: the portrait, (B or 1, 3, S, S).
            features: of it, from the finest on.
        """
        hidden = self.middle(self.volume_in(volume.flatten(1, 2)))
        if not self.pixel_skip:
            for level in self.levels:
                hidden = level(hidden)
            return self.painted(hidden)

        flow = self._projected(hidden, origin)
        *coarser_levels, finest_level = self.levels
        for level, maps in zip(coarser_levels, reversed(features), strict=True):
            hidden, flow = level(hidden, flow, partial(warp, maps))
        hidden, flow = finest_level(hidden, flow, lambda flow: pixel_unshuffle(warp(picture, flow), 2))
        return self.over_pixels(hidden, flow, picture)

    def _projected(self, hidden: Tensor, origin: Tensor) -> Tensor:
        """The flow (B, 2, h, w) of what is seen: 0 where it is not the volume."""
        share = self.depth_share(hidden).softmax(dim=1)[:, None, :-1]
        centers = voxel_centers(origin.shape[-3:], origin.device)[..., :2].movedim(-1, 1)
        return (share * (origin - centers)).sum(dim=2).to(hidden.dtype)
