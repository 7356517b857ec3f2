"""A latent becomes a picture of a portrait's own features, moved: flow and mask at every size (GoHD, 3.3)."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pixel_unshuffle, silu

from emo.unets.attention import zero_
from emo.unets.pixel_painter import PixelPainter
from emo.unets.reference_decoder import Drawing, FlowLevel
from emo.unets.warp import warp

COARSE = 8  # rows and columns of the coarsest flow, which is linear in the latent: where a head was, where it shall be
REACH = 1.0  # half sides of that flow for an output of 1: it learns first
START = 4  # rows and columns of the learned constant


class StyledConvolution(nn.Module):
    """A convolution whose weights a latent scales, channel by channel, and normalizes (StyleGAN2, 2.2).

    Args:
        width: of maps.
        latent_dim: of z.
    """

    def __init__(self, width: int, latent_dim: int):
        super().__init__()
        self.style = nn.Linear(latent_dim, width)
        self.weight = nn.Parameter(torch.randn(width, width, 3, 3) / (3 * width**0.5))
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.ones_(self.style.bias)

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        """(B, width, h, w) and z (B, latent_dim) -> (B, width, h, w)."""
        style = self.style(latent)
        norm = torch.rsqrt(style.square() @ self.weight.square().sum((2, 3)).mT + 1e-6)  # of each output's weights
        x = conv2d(x * style[..., None, None], self.weight, padding=1)
        return silu(x * norm[..., None, None] + self.bias[:, None, None])


class NavigationLevel(nn.Module):
    """Twice the size: the flow is mended by what it looks up, and a mask lays that over what the latent tells.

    Args:
        width: of the coarser level's features.
        finer: of its own, and of the portrait's.
        latent_dim: of z.
        norm_num_groups: of every normalization.
    """

    def __init__(self, width: int, finer: int, latent_dim: int, norm_num_groups: int):
        super().__init__()
        self.styled = StyledConvolution(width, latent_dim)
        self.level = FlowLevel(width, finer, finer, norm_num_groups)
        self.mask = nn.Conv2d(finer, 1, kernel_size=3, padding=1)

    def forward(self, hidden: Tensor, flow: Tensor, latent: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, width, h, w) and flow (B, 2, h, w) -> both twice as large.

        Args:
            hidden: features.
            flow: so far.
            latent: z, (B, latent_dim).
            features: of the portrait, (B or 1, finer, 2h, 2w).
        """
        hidden, flow = self.level(self.styled(hidden, latent), flow, partial(warp, features))
        mask = torch.sigmoid(self.mask(hidden))
        return mask * warp(features, flow) + (1 - mask) * hidden, flow


class NavigationDecoder(PixelPainter):
    """Draws frames of latents, from 4 x 4 on; the portrait's own pixels are the finest level's.

    Args:
        widths: of features, from the finest, of half the picture's size, to those of 4 x 4.
        latent_dim: of z.
        norm_num_groups: of every normalization.
    """

    def __init__(self, widths: Sequence[int], latent_dim: int, norm_num_groups: int):
        finest, finer, *_, coarsest = widths
        super().__init__(finest)
        self.start = nn.Parameter(torch.randn(1, coarsest, START, START))
        self.start_styled = StyledConvolution(coarsest, latent_dim)
        self.flow_in = nn.Linear(latent_dim, 2 * COARSE**2)
        zero_(self.flow_in)
        coarse_to_fine = list(pairwise(widths[:0:-1]))
        self.levels = nn.ModuleList(NavigationLevel(*pair, latent_dim, norm_num_groups) for pair in coarse_to_fine)
        self.last_styled = StyledConvolution(finer, latent_dim)
        self.last_level = FlowLevel(finer, finest, 3 * 2**2, norm_num_groups)

    def forward(self, latent: Tensor, picture: Tensor, features: Sequence[Tensor]) -> Drawing:
        """Frames.

        Args:
            latent: z, (B, latent_dim).
            picture: the portrait, (B or 1, 3, S, S).
            features: of it, from the finest on, as `PicturePyramid` makes them, down to 8 x 8.
        """
        hidden = self.start_styled(self.start.expand(len(latent), -1, -1, -1), latent)
        flow = REACH * self.flow_in(latent).unflatten(1, (2, COARSE, COARSE))
        for level, maps in zip(self.levels, reversed(features), strict=True):
            hidden, flow = level(hidden, flow, latent, maps)
        hidden = self.last_styled(hidden, latent)
        hidden, flow = self.last_level(hidden, flow, lambda flow: pixel_unshuffle(warp(picture, flow), 2))
        return self.over_pixels(hidden, flow, picture)
