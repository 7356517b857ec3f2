"""A decoder that is given the portrait: it moves the portrait's own pixels, and paints what they do not show.

From a frame's and the portrait's latents it tells where every part of the picture went, as warping animators do
(Siarohin et al. 2019, "First Order Motion Model", https://arxiv.org/abs/2003.00148), coarse to fine.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle, silu

from emo.unets.attention import zero_
from emo.unets.patch_autoencoder import ResidualBlock
from emo.unets.warp import resize, warp

FINEST = 4  # pixels of the portrait in a row or column of its finest features
STEP = 0.2  # half sides of flow for an output of 1, at the latents' size; half of it finer, so that it starts slowly
SEEN = 2.0  # visibility before training, a logit: what is not known otherwise is the portrait's


@dataclass(frozen=True)
class Reference:
    """A portrait as the decoder looks it up, made once per video.

    Attributes:
        picture: (1 or B, 3, H, W) in -1 ... 1, of any size; its pixels are what is drawn.
        small: the same at the size at which flow and paint are found.
        latents: (1 or B, L, h, w), as the autoencoder encodes it.
        features: maps from the finest on, each half as large as the one before; the last is the latents' size.
    """

    picture: Tensor
    small: Tensor
    latents: Tensor
    features: tuple[Tensor, ...]

    def repeated(self, count: int) -> "Reference":
        """Each portrait `count` times in a row."""
        picture, small, latents, *features = (
            maps.repeat_interleave(count, 0) for maps in (self.picture, self.small, self.latents, *self.features)
        )
        return Reference(picture, small, latents, tuple(features))


@dataclass(frozen=True)
class Drawing:
    """Frames as the decoder draws them: visibility · portrait moved by flow + paint.

    Attributes:
        flow: (B, 2, h, w), where in the portrait each part of the frame is looked up, x and y in half sides.
        visibility: (B, 1, h, w) in 0 ... 1, how far the portrait shows it.
        paint: (B, 3, H, W), what is added: things that the portrait does not show, and light that changed.
    """

    flow: Tensor
    visibility: Tensor
    paint: Tensor

    def float(self) -> "Drawing":
        """In single precision."""
        return Drawing(self.flow.float(), self.visibility.float(), self.paint.float())

    def frames(self, picture: Tensor) -> Tensor:
        """An animator's frames: this drawing over the portrait (1 or B, 3, H, W), whose pixels are moved bicubically
        and so stay as sharp as they are. Training moves them bilinearly, by which flow is learned more easily; EMO's
        decoder has learned to paint what that blurs, and stays with it."""
        return self.over(warp(picture, self.flow, "bicubic"))

    def moved(self, picture: Tensor) -> Tensor:
        """The portrait (1 or B, 3, H, W), moved by flow alone: (B, 3, H, W)."""
        return warp(picture, self.flow)

    def over(self, moved: Tensor) -> Tensor:
        """The frames: this drawing over the moved portrait, (B, 3, H, W), at whatever size that has."""
        height, width = moved.shape[-2:]
        return resize(self.visibility, height, width) * moved + resize(self.paint, height, width)


class ReferenceDecoder(nn.Module):
    """Draws frames from latents and a portrait.

    Features start at the latents' size and double up to half of the picture's; at every size flow is refined with the
    portrait's features, moved by the flow so far.

    Args:
        latent_channels: L.
        block_out_channels: widths from the finest features, of half the picture's size, to the latents'.
        layers_per_block: residual blocks at the latents' size.
        norm_num_groups: of every normalization.
    """

    def __init__(
        self,
        latent_channels: int = 16,
        block_out_channels: Sequence[int] = (16, 32, 64, 128),
        layers_per_block: int = 4,
        norm_num_groups: int = 8,
    ):
        super().__init__()
        finest, *widths = block_out_channels
        self.pixels = FINEST * 2 ** (len(widths) - 1)  # in a row or column of a latent

        self.portrait_in = nn.Conv2d(3 * FINEST**2, widths[0], kernel_size=3, padding=1)
        self.portrait_blocks = nn.ModuleList([ResidualBlock(widths[0], norm_num_groups)])
        for finer, width in pairwise(widths):
            down = nn.Conv2d(finer, width, kernel_size=3, stride=2, padding=1)
            self.portrait_blocks.append(nn.Sequential(down, ResidualBlock(width, norm_num_groups)))

        coarsest = widths[-1]
        self.join_in = nn.Conv2d(2 * latent_channels + coarsest, coarsest, kernel_size=3, padding=1)
        self.join = nn.Sequential(*(ResidualBlock(coarsest, norm_num_groups) for _ in range(layers_per_block)))
        self.flow_in = nn.Conv2d(coarsest, 2, kernel_size=3, padding=1)

        coarse_to_fine = pairwise(widths[::-1])
        self.levels = nn.ModuleList(FlowLevel(width, finer, finer, norm_num_groups) for width, finer in coarse_to_fine)
        pixels = 3 * 2**2  # of the portrait at half its size
        self.levels.append(FlowLevel(widths[0], finest, pixels + 3, norm_num_groups))
        self.visibility = nn.Conv2d(finest, 1, kernel_size=3, padding=1)

        fine = finest // 2  # at full size all else would cost more than it brings
        self.paint_up = nn.Sequential(nn.Conv2d(finest, 4 * fine, kernel_size=1), nn.PixelShuffle(2))
        self.paint_in = nn.Conv2d(fine + 6, fine, kernel_size=3, padding=1)
        self.paint_out = nn.Conv2d(fine, 3, kernel_size=3, padding=1)
        for layer in (self.flow_in, self.visibility, self.paint_out):
            zero_(layer)
        assert self.visibility.bias is not None
        nn.init.constant_(self.visibility.bias, SEEN)

    def encode(self, picture: Tensor, latents: Tensor) -> Reference:
        """What is kept of portraits.

        Args:
            picture: (B, 3, H, W) in -1 ... 1.
            latents: its latents, (B, L, h, w).
        """
        small = resize(picture, *(self.pixels * side for side in latents.shape[-2:]))
        maps = self.portrait_in(pixel_unshuffle(small, FINEST))
        features = []
        for block in self.portrait_blocks:
            maps = block(maps)
            features.append(maps)
        return Reference(picture, small, latents, tuple(features))

    def forward(self, latents: Tensor, plain: Tensor, reference: Reference) -> Drawing:
        """Frames of the reference's person.

        Args:
            latents: of frames, (B, L, h, w).
            plain: the frames as the autoencoder decodes them without the portrait, half as large as what is drawn.
            reference: as `encode` made it, of one portrait or of B.
        """
        batch = len(latents)
        *finer, coarsest = (maps.expand(batch, -1, -1, -1) for maps in reference.features)
        theirs = reference.latents.expand(batch, -1, -1, -1)
        hidden = self.join(self.join_in(torch.cat([latents, theirs, coarsest], dim=1)))
        flow = STEP * self.flow_in(hidden)

        *coarser_levels, finest_level = self.levels
        for level, maps in zip(coarser_levels, reversed(finer), strict=True):
            hidden, flow = level(hidden, flow, partial(warp, maps))

        def look_up(flow: Tensor) -> Tensor:
            return torch.cat([pixel_unshuffle(warp(reference.small, flow), 2), plain], dim=1)

        hidden, flow = finest_level(hidden, flow, look_up)
        visibility = torch.sigmoid(self.visibility(hidden))

        height, width = reference.small.shape[-2:]
        enlarged = resize(plain, height, width)
        details = _beside(self.paint_up(hidden), warp(reference.small, flow), enlarged)
        paint = (1 - resize(visibility, height, width)) * enlarged + self.paint_out(silu(self.paint_in(details)))
        return Drawing(flow, visibility, paint)


class FlowLevel(nn.Module):
    """Twice the size: what the flow so far looks up, beside the coarser level's features, mends the flow.

    Args:
        width: of the coarser level's features.
        finer: of its own.
        looked_up: channels that `forward` is given.
        norm_num_groups: of the normalizations.
    """

    def __init__(self, width: int, finer: int, looked_up: int, norm_num_groups: int):
        super().__init__()
        self.up = nn.Sequential(nn.Conv2d(width, 4 * finer, kernel_size=1), nn.PixelShuffle(2))
        self.compare = nn.Conv2d(finer + looked_up, finer, kernel_size=3, padding=1)
        self.block = ResidualBlock(finer, norm_num_groups)
        self.mend = nn.Conv2d(finer, 2, kernel_size=3, padding=1)
        zero_(self.mend)
        self.step = STEP / 2

    def forward(self, hidden: Tensor, flow: Tensor, look_up: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Features (B, width, h, w) and flow (B, 2, h, w) -> both twice as large.

        Args:
            hidden: features.
            flow: so far.
            look_up: maps (B, looked_up, 2h, 2w), looked up where a flow of that size says.
        """
        hidden = self.up(hidden)
        flow = resize(flow, *hidden.shape[-2:])
        hidden = self.block(self.compare(_beside(hidden, look_up(flow))))
        return hidden, flow + self.step * self.mend(hidden)


def _beside(*maps: Tensor) -> Tensor:
    """Maps side by side, in the layout in which CPUs convolve large ones of few channels soonest. What has that layout
    already, which are most channels, is copied once."""
    return torch.cat([each.contiguous(memory_format=torch.channels_last) for each in maps], dim=1)
