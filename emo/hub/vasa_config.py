"""The size of a VASA-1 model as a checked configuration: `configs/model/vasa-*.yaml` over structured defaults."""

from dataclasses import dataclass, field
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import Name, Numbers, Several
from emo.config import key, load_config
from emo.hub.model_config import WIDTH, AudioEncoderConfig, config_path

SIZE = Numbers(2, 4096)
BLOCKS = Numbers(0, 64)


@dataclass
class DenoiserConfig:
    """Of `HolisticMotionTransformer`."""

    emotions: Annotated[list[str], Several(Name())] = MISSING
    window_length: Annotated[int, WIDTH] = 50
    prefix_length: Annotated[int, WIDTH] = 10
    dim: Annotated[int, Numbers(4, 65536, multiple=2)] = 512
    layers: Annotated[int, Numbers(1, 256)] = 8
    heads: Annotated[int, Numbers(1, 4096)] = 8


@dataclass
class VolumeAnimatorConfig:
    """Of `emo.motion.vasa.VolumeAnimator`."""

    sample_size: Annotated[int, Numbers(32, 4096, multiple=32)] = key(256, "pixels of pictures that networks see")
    volume_channels: Annotated[int, SIZE] = key(16, "of the appearance volume")
    volume_depth: Annotated[int, Numbers(1, 256)] = key(8, "of the same, in voxels")
    block_out_channels: Annotated[list[int], Several(SIZE)] = key(
        [16, 32, 96], "widths from half of the pictures' size to the volume's, two or more"
    )
    layers_per_block: Annotated[int, BLOCKS] = key(3, "residual blocks at the volume's size, encoder and decoder")
    volume_layers: Annotated[int, BLOCKS] = key(1, "residual blocks of three dimensions")
    code_channels: Annotated[list[int], Several(SIZE)] = key(
        [32, 64, 96], "widths of the encoders of identity, pose and dynamics"
    )
    identity_dim: Annotated[int, Numbers(1, 4096)] = key(32, "of z_id")
    dynamics_dim: Annotated[int, Numbers(1, 4096)] = key(32, "of z_dyn")
    warp_channels: Annotated[list[int], Several(SIZE)] = key(
        [64, 32, 16, 8], "widths of the non-rigid warps, from 4 x 4 voxels on, each twice as many"
    )
    norm_num_groups: Annotated[int, Numbers(1, 256)] = key(8, "of every normalization; divides all widths")
    pixel_skip: bool = key(False, "move the portrait's own pixels, too; not the paper's")

    def misfit(self) -> str | None:
        """What does not fit together."""
        widths = [self.volume_channels, *self.block_out_channels, *self.code_channels, *self.warp_channels]
        if wrong := [width for width in widths if width % self.norm_num_groups]:
            return f"norm_num_groups is {self.norm_num_groups}, which does not divide a width of {wrong[0]}"
        if len(self.block_out_channels) < 2 or not self.code_channels or not self.warp_channels:
            return "block_out_channels needs two widths, code_channels and warp_channels one"
        return None


@dataclass
class VASAConfig:
    """One model.

    Attributes:
        image_size: height and width in pixels where nobody asks for others.
        animator: of a `VolumeAnimator`, which draws motion in learned codes; without it a `MeshAnimator` draws motion
            in named controls.
    """

    image_size: Annotated[int, Numbers(8, 4096, multiple=2)] = 512
    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)
    audio_encoder: AudioEncoderConfig = field(default_factory=AudioEncoderConfig)
    animator: VolumeAnimatorConfig | None = None

    def misfit(self) -> str | None:
        """What does not fit together."""
        model = self.denoiser
        if model.prefix_length > model.window_length:
            return f"denoiser.prefix_length is {model.prefix_length}, more than a window of {model.window_length}"
        if model.dim % (2 * model.heads):
            return f"denoiser.dim is {model.dim}, which {model.heads} heads do not share evenly"
        return None


def load_vasa_config(name: str) -> VASAConfig:
    """Read a model configuration by its name (`vasa-mesh`, `vasa-paper`) or path.

    Raises:
        ConfigError: there is no such file, or it holds an unknown key or a value of the wrong kind or out of bounds.
    """
    return load_config(VASAConfig, config_path(name))
