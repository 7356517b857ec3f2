"""The size of a GAIA model as a checked configuration: `configs/model/gaia-*.yaml` over structured defaults.

Each section holds keyword arguments of the class that it names, by their names there.
"""

from dataclasses import dataclass, field
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import Choice, Numbers
from emo.config import load_config
from emo.hub.model_config import WIDTH, WIDTHS, AudioEncoderConfig, config_path
from emo.motion.gaia.conformer import SPEECH

KERNEL = Numbers(1, 4095)


@dataclass
class MotionAppearanceVAEConfig:
    """Of `MotionAppearanceVAE`."""

    block_out_channels: Annotated[list[int], WIDTHS] = MISSING
    layers_per_block: Annotated[int, Numbers(1, 64)] = 2
    appearance_channels: Annotated[int, Numbers(1, 4096)] = 3
    motion_channels: Annotated[int, Numbers(1, 4096)] = 3
    norm_num_groups: Annotated[int, Numbers(1, 4096)] = 32
    patches: bool = False
    mixer_channels: Annotated[int, Numbers(0, 65536)] = 0
    mixer_layers: Annotated[int, Numbers(0, 256)] = 0


@dataclass
class MotionConformerConfig:
    """Of `MotionConformer`."""

    max_length: Annotated[int, WIDTH] = 250
    overlap: Annotated[int, Numbers(0, 65535)] = 125
    dim: Annotated[int, Numbers(4, 65536, multiple=2)] = 512
    layers: Annotated[int, Numbers(1, 256)] = 6
    heads: Annotated[int, Numbers(1, 4096)] = 8
    kernel: Annotated[int, KERNEL] = 31
    convolution: bool = True
    speech: Annotated[str, Choice(SPEECH)] = "add"


@dataclass
class SpeechEncoderConfig:
    """Of `SpeechEncoder`."""

    dim: Annotated[int, WIDTH] = 512
    layers: Annotated[int, Numbers(0, 256)] = 2
    kernel: Annotated[int, KERNEL] = 5


@dataclass
class PosePredictorConfig:
    """Of `PosePredictor`."""

    channels: Annotated[list[int], WIDTHS] = field(default_factory=lambda: [256, 256, 256])
    kernel: Annotated[int, KERNEL] = 9


@dataclass
class TextEncoderConfig:
    """Of a small `transformers.CLIPTextModelWithProjection`, in models that learn to understand sentences."""

    hidden_size: Annotated[int, WIDTH] = 128
    num_hidden_layers: Annotated[int, Numbers(1, 256)] = 3
    num_attention_heads: Annotated[int, Numbers(1, 4096)] = 4
    intermediate_size: Annotated[int, WIDTH] = 256
    projection_dim: Annotated[int, WIDTH] = 256


@dataclass
class GAIAConfig:
    """One model.

    Attributes:
        image_size: height and width in pixels.
    """

    image_size: Annotated[int, Numbers(16, 4096, multiple=16)] = 256
    vae: MotionAppearanceVAEConfig = field(default_factory=MotionAppearanceVAEConfig)
    denoiser: MotionConformerConfig = field(default_factory=MotionConformerConfig)
    speech_encoder: SpeechEncoderConfig = field(default_factory=SpeechEncoderConfig)
    pose_predictor: PosePredictorConfig = field(default_factory=PosePredictorConfig)
    audio_encoder: AudioEncoderConfig = field(default_factory=AudioEncoderConfig)
    text_encoder: TextEncoderConfig = field(default_factory=TextEncoderConfig)

    def misfit(self) -> str | None:
        """What does not fit together."""
        vae, model = self.vae, self.denoiser
        if not vae.block_out_channels:
            return "vae.block_out_channels is empty; it needs a width"
        factor = 2 ** len(vae.block_out_channels)
        if self.image_size % factor:
            return f"image_size is {self.image_size}, no multiple of the {factor} pixels that a motion's number covers"
        if wrong := [width for width in vae.block_out_channels if width % vae.norm_num_groups]:
            return f"vae.norm_num_groups is {vae.norm_num_groups}, which does not divide a width of {wrong[0]}"
        if vae.patches != (vae.mixer_channels > 0) or (vae.mixer_layers and not vae.patches):
            return "vae.patches need vae.mixer_channels above 0, and nothing else takes a mixer"
        if vae.mixer_channels % vae.norm_num_groups:
            return f"vae.norm_num_groups is {vae.norm_num_groups}, which does not divide vae.mixer_channels"
        if model.dim % (2 * model.heads):
            return f"denoiser.dim is {model.dim}, which {model.heads} heads do not share evenly"
        if self.text_encoder.hidden_size % self.text_encoder.num_attention_heads:
            heads = self.text_encoder.num_attention_heads
            return (
                f"text_encoder.hidden_size is {self.text_encoder.hidden_size}, which {heads} heads do not share evenly"
            )
        if model.overlap >= model.max_length:
            return f"denoiser.overlap is {model.overlap}, no less than sequences of {model.max_length}"
        for name in ("denoiser", "speech_encoder", "pose_predictor"):
            if getattr(self, name).kernel % 2 == 0:
                return f"{name}.kernel is {getattr(self, name).kernel}; it must be odd"
        return None


def load_gaia_config(name: str) -> GAIAConfig:
    """Read a model configuration by its name (`gaia-tiny`, `gaia-small`, `gaia-base`, `gaia-large`) or path.

    Raises:
        ConfigError: there is no such file, or it holds an unknown key or a value of the wrong kind or out of bounds.
    """
    return load_config(GAIAConfig, config_path(name))
