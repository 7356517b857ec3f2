"""GAIA's autoencoder: what a frame looks like from the frame, what it does from its landmarks' picture (4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import Decoder, DiagonalGaussianDistribution, Encoder
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils.outputs import BaseOutput
from torch import Tensor, nn

from emo.errors import ConfigError
from emo.motion.gaia.patches import LatentMixer, PatchDecoder, PatchEncoder
from emo.unets.patch_autoencoder import PatchAutoencoder
from emo.unets.warp import resize


@dataclass
class MotionAppearanceOutput(BaseOutput):
    """What is drawn of N frames, and what it was drawn from.

    Attributes:
        sample: (N, 3, H, W).
        appearance: of z_a.
        motion: of z_m.
    """

    sample: Tensor
    appearance: DiagonalGaussianDistribution
    motion: DiagonalGaussianDistribution


class MotionAppearanceVAE(ModelMixin, ConfigMixin):
    """E_A, E_M and D of 4.1: residual convolutions; no pixel and no feature is moved by a flow.

    The appearance of one frame and the motion of another are the other frame: z_m is brought to z_a's size, both are
    laid together and projected, and D makes the picture of them. The encoders are alike, but that E_M halves its maps
    once more.

    With `patches`, which is not the paper's, both encoders see patches of pixels, and residual blocks at z_a's size
    make of z_a and z_m the latent that D draws: a quarter of the work at 128 pixels. E_A and D may start as those of
    a trained `PatchAutoencoder`.

    Args:
        sample_size: pixels of the pictures that it is trained on.
        block_out_channels: widths of E_A and D, from the pictures' size to z_a's, each of maps half as large as
            those before; E_M has the last one twice.
        layers_per_block: residual blocks of every size in the encoders; D has one more.
        appearance_channels: of z_a; the paper's are 3.
        motion_channels: of z_m.
        norm_num_groups: of every normalization; divides all widths.
        patches: whether encoders see patches.
        mixer_channels: width of the blocks that make one latent of two, with `patches`.
        mixer_layers: of them.

    Raises:
        ConfigError: there is a mixer, and there are no patches, or the reverse.
    """

    @register_to_config
    def __init__(
        self,
        *,
        sample_size: int = 256,
        block_out_channels: Sequence[int] = (128, 128, 256, 512),
        layers_per_block: int = 2,
        appearance_channels: int = 3,
        motion_channels: int = 3,
        norm_num_groups: int = 32,
        patches: bool = False,
        mixer_channels: int = 0,
        mixer_layers: int = 0,
    ):
        super().__init__()
        if patches != (mixer_channels > 0) or (mixer_layers and not patches):
            raise ConfigError("patches need mixer_channels above 0, and nothing else takes a mixer")
        widths = tuple(block_out_channels)
        if patches:
            patch, width, groups = 2 ** (len(widths) - 1), widths[-1], norm_num_groups
            layers = layers_per_block - 1
            self.appearance_encoder = PatchEncoder(appearance_channels, patch, width, layers, groups)
            self.motion_encoder = PatchEncoder(motion_channels, 2 * patch, width, layers, groups)
            self.projection = LatentMixer(appearance_channels, motion_channels, mixer_channels, mixer_layers, groups)
            self.decoder = PatchDecoder(appearance_channels, widths, layers_per_block, groups)
            return

        def encoder(widths: tuple[int, ...], channels: int) -> Encoder:
            return Encoder(
                out_channels=channels,
                down_block_types=("DownEncoderBlock2D",) * len(widths),
                block_out_channels=widths,
                layers_per_block=layers_per_block,
                norm_num_groups=norm_num_groups,
                mid_block_add_attention=False,
            )

        self.appearance_encoder = encoder(widths, appearance_channels)
        self.motion_encoder = encoder((*widths, widths[-1]), motion_channels)
        self.projection = nn.Conv2d(appearance_channels + motion_channels, widths[-1], kernel_size=1)
        self.decoder = Decoder(
            in_channels=widths[-1],
            up_block_types=("UpDecoderBlock2D",) * len(widths),
            block_out_channels=widths,
            layers_per_block=layers_per_block,
            norm_num_groups=norm_num_groups,
            mid_block_add_attention=False,
        )

    def start_from(self, trained: PatchAutoencoder) -> None:
        """Let E_A and D start as those of a trained autoencoder, whose latents z_a then is.

        Raises:
            ConfigError: this one sees no patches, or has other sizes.
        """
        names = "block_out_channels", "layers_per_block", "norm_num_groups"
        sizes = {name: self.config[name] for name in names} | {"channels": self.config["appearance_channels"]}
        given = {name: trained.config[name] for name in names} | {"channels": trained.config["latent_channels"]}
        if not (isinstance(self.appearance_encoder, PatchEncoder) and isinstance(self.decoder, PatchDecoder)):
            raise ConfigError("an autoencoder without patches cannot start from one of patches")
        if wrong := [name for name, size in sizes.items() if size != given[name]]:
            raise ConfigError(
                f"the trained autoencoder has other {wrong[0]}: {given[wrong[0]]}, not {sizes[wrong[0]]}"
            )
        self.appearance_encoder.start_from(trained)
        self.decoder.start_from(trained)

    @property
    def appearance_factor(self) -> int:
        """Pixels in a row of a number of z_a: the paper's 8 with four widths."""
        return 2 ** (len(self.config["block_out_channels"]) - 1)

    @property
    def motion_shape(self) -> tuple[int, int, int]:
        """Of z_m of a frame of the size that it is trained on."""
        side = self.config["sample_size"] // (2 * self.appearance_factor)
        return self.config["motion_channels"], side, side

    def encode_appearance(self, pictures: Tensor) -> DiagonalGaussianDistribution:
        """z_a = E_A(x_a) (eq. 1): (B, 3, H, W) in -1 ... 1 -> of (B, L_a, H / 8, W / 8)."""
        return DiagonalGaussianDistribution(self.appearance_encoder(pictures))

    def encode_motion(self, landmark_maps: Tensor) -> DiagonalGaussianDistribution:
        """z_m = E_M(x_m) (eq. 1): `landmark_map`s (N, 3, H, W) in -1 ... 1 -> of (N, L_m, H / 16, W / 16)."""
        return DiagonalGaussianDistribution(self.motion_encoder(landmark_maps))

    def decode(self, appearance: Tensor, motion: Tensor) -> Tensor:
        """x = D(z_a, z_m) (eq. 2).

        Args:
            appearance: of one person, or of each frame's own, (1 or N, L_a, h, w).
            motion: (N, L_m, h / 2, w / 2).

        Returns:
            Frames (N, 3, H, W), about in -1 ... 1.
        """
        larger = resize(motion, *appearance.shape[-2:])
        both = torch.cat([appearance.expand(len(motion), -1, -1, -1), larger], dim=1)
        return self.decoder(self.projection(both))

    def forward(
        self,
        pictures: Tensor,
        landmark_maps: Tensor,
        appearance_noise: Tensor | None = None,
        motion_noise: Tensor | None = None,
    ) -> MotionAppearanceOutput:
        """Frames that look like pictures and do what landmarks do.

        Args:
            pictures: frames i, (B, 3, H, W) in -1 ... 1.
            landmark_maps: of frames j, the same.
            appearance_noise: normal, of z_a's shape, by which z_a is drawn; its mode by default.
            motion_noise: the same of z_m.
        """
        appearance, motion = self.encode_appearance(pictures), self.encode_motion(landmark_maps)
        drawn = self.decode(_drawn(appearance, appearance_noise), _drawn(motion, motion_noise))
        return MotionAppearanceOutput(sample=drawn, appearance=appearance, motion=motion)


def _drawn(posterior: DiagonalGaussianDistribution, noise: Tensor | None) -> Tensor:
    return posterior.mode() if noise is None else posterior.mode() + posterior.std * noise
