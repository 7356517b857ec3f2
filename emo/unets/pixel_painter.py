"""The last step of decoders that move a portrait's own pixels: which of them are seen, and what is painted instead."""

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from emo.unets.attention import zero_
from emo.unets.reference_decoder import SEEN, Drawing
from emo.unets.warp import resize, warp


class PixelPainter(nn.Module):
    """Base of such decoders.

    Args:
        width: of their finest features, of half the picture's size.
        pixel_skip: whether there are pixels to move; without, everything is painted.
    """

    def __init__(self, width: int, pixel_skip: bool = True):
        super().__init__()
        if pixel_skip:
            self.visibility = nn.Conv2d(width, 1, kernel_size=3, padding=1)
            zero_(self.visibility)
            assert self.visibility.bias is not None
            nn.init.constant_(self.visibility.bias, SEEN)
        fine = width // 2  # at full size all else would cost more than it brings
        self.paint_up = twice_as_large(width, fine)
        self.paint_in = nn.Conv2d(fine + 3 * pixel_skip, fine, kernel_size=3, padding=1)
        self.paint_out = nn.Conv2d(fine, 3, kernel_size=3, padding=1)

    def over_pixels(self, hidden: Tensor, flow: Tensor, picture: Tensor) -> Drawing:
        """Frames of a portrait that is moved.

        Args:
            hidden: features, (B, width, S / 2, S / 2).
            flow: (B, 2, S / 2, S / 2).
            picture: the portrait, (B or 1, 3, S, S).
        """
        visibility = torch.sigmoid(self.visibility(hidden))
        paint = self._paint(torch.cat([self.paint_up(hidden), warp(picture, flow)], dim=1))
        return Drawing(flow, visibility, (1 - resize(visibility, *picture.shape[-2:])) * paint)

    def painted(self, hidden: Tensor) -> Drawing:
        """Frames of nothing but paint."""
        nothing = torch.zeros_like(hidden[:, :2])
        return Drawing(nothing, nothing[:, :1], self._paint(self.paint_up(hidden)))

    def _paint(self, maps: Tensor) -> Tensor:
        return self.paint_out(silu(self.paint_in(maps)))


def twice_as_large(width: int, finer: int) -> nn.Sequential:
    """Features (B, width, h, w) -> (B, finer, 2h, 2w)."""
    return nn.Sequential(nn.Conv2d(width, 4 * finer, kernel_size=1), nn.PixelShuffle(2))
