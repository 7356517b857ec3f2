"""What a face does and where its parts are, told from pictures, for losses (GoHD's L_exp, L_gaze and L_pars)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, silu

from emo.motion.space import CONTROLS
from emo.unets.picture_pyramid import PicturePyramid
from emo.unets.warp import resize

POOLED = 4  # rows and columns of the features that controls are told from


@dataclass(frozen=True)
class FaceReading:
    """Of B pictures.

    Attributes:
        controls: normalized by `CONTROLS`, (B, 14).
        parts: logits of the classes of parts, (B, classes, S / 4, S / 4).
        features: from the finest on.
    """

    controls: Tensor
    parts: Tensor
    features: tuple[Tensor, ...]


class FaceReader(ModelMixin, ConfigMixin):
    """Stands in for networks that are not to be had: of expressions, of gaze, of a face's parts, of likeness.

    It learns beside what it helps to train, from frames whose controls and parts are known, and judges nothing.

    Args:
        parts: classes of parts.
        block_out_channels: widths of features, from a quarter of the pictures' size on.
        norm_num_groups: of every normalization; all widths are its multiples.
    """

    @register_to_config
    def __init__(self, *, parts: int, block_out_channels: Sequence[int] = (24, 48, 64, 96), norm_num_groups: int = 8):
        super().__init__()
        widths = tuple(block_out_channels)
        self.pyramid = PicturePyramid(widths, norm_num_groups)
        self.norm = nn.GroupNorm(norm_num_groups, widths[-1])
        self.controls_out = nn.Linear(widths[-1] * POOLED**2, len(CONTROLS))
        self.parts_out = nn.Conv2d(sum(widths), parts, kernel_size=1)

    def forward(self, pictures: Tensor) -> FaceReading:
        """(B, 3, S, S) in -1 ... 1."""
        features = self.pyramid.features(pictures)
        pooled = adaptive_avg_pool2d(silu(self.norm(features[-1])), POOLED)
        size = features[0].shape[-2:]
        together = torch.cat([resize(maps, *size) for maps in features], dim=1)
        return FaceReading(self.controls_out(pooled.flatten(1)), self.parts_out(silu(together)), features)
