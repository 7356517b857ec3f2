"""What VASA-1's face model sees of a picture's appearance (3.1): a volume."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import silu

from emo.motion.vasa.volume import VolumeBlock
from emo.unets.patch_autoencoder import ResidualBlock
from emo.unets.picture_pyramid import PicturePyramid


class AppearanceEncoder(PicturePyramid):
    """A picture as a volume, posed as it is, and its features on the way there.

    Args:
        widths: of features, from the finest on, each half as large as the one before; the last are the volume's size.
        volume_channels: C.
        volume_depth: Z.
        layers_per_block: residual blocks of two dimensions at the volume's size.
        volume_layers: residual blocks of three dimensions.
        norm_num_groups: of every normalization.
    """

    def __init__(
        self,
        widths: Sequence[int],
        volume_channels: int,
        volume_depth: int,
        layers_per_block: int,
        volume_layers: int,
        norm_num_groups: int,
    ):
        super().__init__(widths, norm_num_groups)
        self.middle = nn.Sequential(*(ResidualBlock(widths[-1], norm_num_groups) for _ in range(layers_per_block)))
        self.to_volume = nn.Conv2d(widths[-1], volume_channels * volume_depth, kernel_size=1)
        self.volume_shape = (volume_channels, volume_depth)
        self.volume = nn.Sequential(*(VolumeBlock(volume_channels, norm_num_groups) for _ in range(volume_layers)))

    def forward(self, pictures: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Pictures (B, 3, S, S) -> volumes (B, C, Z, h, w), and features from the finest on but for the last."""
        *finer, maps = self.features(pictures)
        volume = self.to_volume(silu(self.middle(maps))).unflatten(1, self.volume_shape)
        return self.volume(volume), tuple(finer)
