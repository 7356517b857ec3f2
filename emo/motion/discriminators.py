"""What tells true pictures from drawn ones, and true sequences from made ones, for losses."""

from collections.abc import Sequence
from itertools import pairwise

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, cat, nn
from torch.nn.functional import leaky_relu

from emo.motion.blocks import TransformerBlock

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


class SequenceDiscriminator(ModelMixin, ConfigMixin):
    """Judges every stretch of a sequence by itself: the same along time (GoHD, supplement B).

    Args:
        columns: D.
        block_out_channels: widths, each of sequences half as long as those before.
    """

    @register_to_config
    def __init__(self, *, columns: int, block_out_channels: Sequence[int] = (64, 128, 256)):
        super().__init__()
        widths = (columns, *block_out_channels)
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, kernel_size=4, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.score_out = nn.Conv1d(widths[-1], 1, kernel_size=3, padding=1)

    def forward(self, sequences: Tensor) -> Tensor:
        """(B, T, D) -> scores of stretches (B, t)."""
        hidden = sequences.transpose(1, 2)
        for layer in self.layers:
            hidden = leaky_relu(layer(hidden), SLOPE)
        return self.score_out(hidden)[:, 0]


class HeardDiscriminator(ModelMixin, ConfigMixin):
    """Judges a sequence frame by frame with what is heard, by a Transformer (GoHD's D_eye, supplement B).

    Args:
        columns: D.
        embedding_dim: of a frame's sound.
        dim: width.
        layers: of the Transformer.
        heads: of its attention.
    """

    @register_to_config
    def __init__(self, *, columns: int, embedding_dim: int, dim: int = 128, layers: int = 2, heads: int = 4):
        super().__init__()
        self.frames_in = nn.Linear(columns + embedding_dim, dim)
        self.blocks = nn.ModuleList(TransformerBlock(dim, heads) for _ in range(layers))
        self.score_out = nn.Linear(dim, 1)

    def forward(self, sequences: Tensor, embedding: Tensor) -> Tensor:
        """(B, T, D) and (B, T, embedding_dim) -> scores of frames (B, T)."""
        x = self.frames_in(cat([sequences, embedding], -1))
        for block in self.blocks:
            x = block(x)
        return self.score_out(x)[..., 0]
