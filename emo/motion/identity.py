"""Who a picture shows, for losses."""

from collections.abc import Sequence

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import normalize

from emo.motion.code_encoder import CodeEncoder
from emo.unets.warp import resize

MIDDLE = 0.6  # of a picture's sides: the face without most of what surrounds it


class IdentityEncoder(ModelMixin, ConfigMixin):
    """Unit vectors, near each other for pictures of one person. What it helped to train it does not judge.

    Args:
        dim: d.
        channels: widths, from an eighth of the pictures' size on.
        sample_size: pixels of what it sees of a picture's middle.
        norm_num_groups: of every normalization.
    """

    @register_to_config
    def __init__(
        self,
        dim: int = 64,
        channels: Sequence[int] = (32, 64, 96),
        sample_size: int = 64,
        norm_num_groups: int = 8,
    ):
        super().__init__()
        self.encoder: nn.Module = CodeEncoder(dim, channels, norm_num_groups)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in -1 ... 1 -> (B, d)."""
        height, width = pictures.shape[-2:]
        top, left = (round(side * (1 - MIDDLE) / 2) for side in (height, width))
        middle = pictures[..., top : height - top, left : width - left]
        return normalize(self.encoder(resize(middle, self.config["sample_size"], self.config["sample_size"])), dim=1)
