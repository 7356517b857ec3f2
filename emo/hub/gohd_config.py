"""The size of a GoHD model as a checked configuration: `configs/model/gohd-*.yaml` over structured defaults.

Each section holds keyword arguments of the class that it names, by their names there.
"""

from dataclasses import dataclass, field
from typing import Annotated

from emo.bounds import Choice, Numbers, Several
from emo.config import load_config
from emo.hub.model_config import WIDTH, AudioEncoderConfig, config_path
from emo.motion.gohd.expression import NETWORKS
from emo.motion.gohd.navigation_decoder import START

POOLING = Choice(("max", "average"))


@dataclass
class PoseDenoiserConfig:
    """Of `PoseDenoiser`, of poses and of directions of the eyes."""

    max_length: Annotated[int, WIDTH] = 150
    overlap: Annotated[int, Numbers(0, 65535)] = 50
    dim: Annotated[int, Numbers(4, 65536, multiple=2)] = 256
    layers: Annotated[int, Numbers(1, 256)] = 20
    heads: Annotated[int, Numbers(1, 4096)] = 8
    kernel: Annotated[int, Numbers(1, 4095)] = 3
    dilation_cycle: Annotated[int, Numbers(1, 16)] = 3
    attention: bool = True
    prediction_type: Annotated[str, Choice(("epsilon", "sample"))] = "epsilon"


@dataclass
class LipMapperConfig:
    """Of `LipMapper`."""

    embedding_dim: Annotated[int, WIDTH] = 512
    dim: Annotated[int, WIDTH] = 512
    layers: Annotated[int, Numbers(0, 64)] = 2


@dataclass
class EyeMotionGeneratorConfig:
    """Of `EyeMotionGenerator`."""

    noise_dim: Annotated[int, WIDTH] = 512
    dim: Annotated[int, WIDTH] = 512
    layers: Annotated[int, Numbers(1, 64)] = 2
    network: Annotated[str, Choice(NETWORKS)] = "lstm"
    heads: Annotated[int, Numbers(1, 4096)] = 4


@dataclass
class NavigationConfig:
    """Of `NavigationAnimator`."""

    sample_size: Annotated[int, Numbers(16, 4096)] = 256
    latent_dim: Annotated[int, WIDTH] = 512
    directions: Annotated[int, WIDTH] = 20
    reach: Annotated[int, Numbers(0, 13)] = 13
    motion_dim: Annotated[int, WIDTH] = 256
    navigator_dim: Annotated[int, WIDTH] = 256
    block_out_channels: Annotated[list[int], Several(WIDTH)] = field(
        default_factory=lambda: [64, 128, 256, 512, 512, 512]
    )
    code_channels: Annotated[list[int], Several(WIDTH)] = field(default_factory=lambda: [64, 128, 256, 512])
    norm_num_groups: Annotated[int, Numbers(1, 256)] = 8
    pooling: Annotated[str, POOLING] = "max"
    source_pose: bool = False

    def misfit(self) -> str | None:
        """What does not fit together."""
        widths = self.block_out_channels
        if len(widths) < 3 or self.sample_size != START * 2 ** len(widths):
            return f"sample_size is {self.sample_size}, not {START} x 2 for each of three or more block_out_channels"
        if not self.code_channels:
            return "code_channels needs a width"
        if wrong := [width for width in (*widths, *self.code_channels) if width % self.norm_num_groups]:
            return f"norm_num_groups is {self.norm_num_groups}, which does not divide a width of {wrong[0]}"
        if self.directions > self.latent_dim:
            return f"directions are {self.directions}, more than a latent_dim of {self.latent_dim} has at right angles"
        return None


@dataclass
class GoHDConfig:
    """One model.

    Attributes:
        image_size: height and width in pixels where nobody asks for others.
        animator: of a `NavigationAnimator`; without it a `MeshAnimator` draws.
    """

    image_size: Annotated[int, Numbers(8, 4096, multiple=2)] = 512
    denoiser: PoseDenoiserConfig = field(default_factory=PoseDenoiserConfig)
    gaze_denoiser: PoseDenoiserConfig = field(default_factory=PoseDenoiserConfig)
    lip_mapper: LipMapperConfig = field(default_factory=LipMapperConfig)
    eye_generator: EyeMotionGeneratorConfig = field(default_factory=EyeMotionGeneratorConfig)
    audio_encoder: AudioEncoderConfig = field(default_factory=AudioEncoderConfig)
    animator: NavigationConfig | None = None

    def misfit(self) -> str | None:
        """What does not fit together."""
        for name in ("denoiser", "gaze_denoiser"):
            model = getattr(self, name)
            if model.overlap >= model.max_length:
                return f"{name}.overlap is {model.overlap}, no less than sequences of {model.max_length}"
            if model.dim % (2 * model.heads):
                return f"{name}.dim is {model.dim}, which {model.heads} heads do not share evenly"
            if model.kernel % 2 == 0:
                return f"{name}.kernel is {model.kernel}; it must be odd"
        eyes = self.eye_generator
        if eyes.network == "transformer" and eyes.dim % (2 * eyes.heads):
            return f"eye_generator.dim is {eyes.dim}, which {eyes.heads} heads do not share evenly"
        one, other = self.denoiser, self.gaze_denoiser
        if (one.max_length, one.overlap) != (other.max_length, other.overlap):
            return "gaze_denoiser.max_length and overlap must be the denoiser's: their windows are one"
        if one.prediction_type != other.prediction_type:
            return "gaze_denoiser.prediction_type must be the denoiser's: their scheduler is one"
        return None


def load_gohd_config(name: str) -> GoHDConfig:
    """Read a model configuration by its name (`gohd-tiny`, `gohd-paper`) or path.

    Raises:
        ConfigError: there is no such file, or it holds an unknown key or a value of the wrong kind or out of bounds.
    """
    return load_config(GoHDConfig, config_path(name))
