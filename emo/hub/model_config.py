"""The size of a model as a checked configuration: `configs/model/*.yaml` over these structured defaults.

Each section holds keyword arguments of the class that it names, by their names there.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import Choice, Numbers, Several
from emo.config import load_config
from emo.errors import ConfigError
from emo.files import file_status
from emo.resources import bundled

WIDTH = Numbers(1, 65536)
WIDTHS = Several(WIDTH)


@dataclass
class UNetConfig:
    """Of `BackboneUNet`, and where it has them too of `ReferenceNet`."""

    block_out_channels: Annotated[list[int], WIDTHS] = MISSING
    layers_per_block: Annotated[int, Numbers(1, 64)] = 2
    norm_num_groups: Annotated[int, Numbers(1, 4096)] = 32
    spatial_attention: Annotated[list[bool], Several(Numbers(0, 1))] = MISSING
    num_attention_heads: Annotated[list[int], WIDTHS] = MISSING
    motion_num_attention_heads: Annotated[list[int], WIDTHS] = MISSING
    motion_max_seq_length: Annotated[int, Numbers(1, 4096)] = 32
    use_motion_mid_block: bool = True
    aligned_reference: bool = False


@dataclass
class AudioProjectionConfig:
    """Of `AudioProjection`."""

    hidden_dim: Annotated[int, WIDTH] = 512
    num_tokens: Annotated[int, WIDTH] = 32
    token_dim: Annotated[int, WIDTH] = 768


@dataclass
class FaceLocatorConfig:
    """Of `FaceLocator`."""

    block_out_channels: Annotated[list[int], WIDTHS] = MISSING


@dataclass
class SpeedEncoderConfig:
    """Of `SpeedEncoder`."""

    num_buckets: Annotated[int, Numbers(2, 4096)] = 9
    max_speed: Annotated[float, Numbers(0, 180, above=True)] = 2.0
    speed_dim: Annotated[int, WIDTH] = 256


@dataclass
class AudioEncoderConfig:
    """Of transformers' `Wav2Vec2Config`; the strides are always its own."""

    hidden_size: Annotated[int, WIDTH] = 768
    num_hidden_layers: Annotated[int, Numbers(1, 256)] = 12
    num_attention_heads: Annotated[int, Numbers(1, 4096)] = 12
    intermediate_size: Annotated[int, WIDTH] = 3072
    conv_dim: Annotated[list[int], Several(WIDTH, 7)] = MISSING
    num_conv_pos_embeddings: Annotated[int, WIDTH] = 128
    num_conv_pos_embedding_groups: Annotated[int, WIDTH] = 16


@dataclass
class VAEConfig:
    """Of diffusers' `AutoencoderKL` or of `PatchAutoencoder`.

    Attributes:
        kind: which of them, "kl" or "patch".
    """

    kind: Annotated[str, Choice(("kl", "patch"))] = "kl"
    block_out_channels: Annotated[list[int], WIDTHS] = MISSING
    layers_per_block: Annotated[int, Numbers(1, 64)] = 2
    latent_channels: Annotated[int, Numbers(1, 4096)] = 4
    norm_num_groups: Annotated[int, Numbers(1, 4096)] = 32
    scaling_factor: Annotated[float, Numbers(0, 1e6, above=True)] = 0.18215


@dataclass
class SchedulerConfig:
    """Of diffusers' `DDIMScheduler`: what differs between models; the rest is Stable Diffusion's.

    Attributes:
        beta_schedule: small latents have little redundancy and lose their details sooner: they want the cosine
            schedule, `squaredcos_cap_v2`, which spends more time at little noise.
    """

    prediction_type: Annotated[str, Choice(("epsilon", "v_prediction"))] = "epsilon"
    rescale_betas_zero_snr: bool = False
    timestep_spacing: Annotated[str, Choice(("leading", "trailing", "linspace"))] = "leading"
    beta_schedule: Annotated[str, Choice(("linear", "scaled_linear", "squaredcos_cap_v2"))] = "scaled_linear"


@dataclass
class ModelConfig:
    """One model.

    Attributes:
        image_size: height and width in pixels.
        num_frames: F of the paper (4.1), the frames of a clip.
        num_motion_frames: n, the frames of the clip before that a clip sees.
        num_neighbors: m, the frames before and after whose sound and speed count for one.
    """

    image_size: Annotated[int, Numbers(8, 4096, multiple=8)] = 512
    num_frames: Annotated[int, Numbers(1, 4096)] = 12
    num_motion_frames: Annotated[int, Numbers(1, 4096)] = 4
    num_neighbors: Annotated[int, Numbers(0, 4096)] = 2
    unet: UNetConfig = field(default_factory=UNetConfig)
    audio_projection: AudioProjectionConfig = field(default_factory=AudioProjectionConfig)
    face_locator: FaceLocatorConfig = field(default_factory=FaceLocatorConfig)
    speed_encoder: SpeedEncoderConfig = field(default_factory=SpeedEncoderConfig)
    audio_encoder: AudioEncoderConfig = field(default_factory=AudioEncoderConfig)
    vae: VAEConfig = field(default_factory=VAEConfig)
    scheduler: SchedulerConfig = field(default_factory=SchedulerConfig)

    def misfit(self) -> str | None:
        """What does not fit together."""
        unet = self.unet
        vae = self.vae
        levels = len(unet.block_out_channels)
        for key in ("spatial_attention", "num_attention_heads", "motion_num_attention_heads"):
            if len(getattr(unet, key)) != levels:
                return f"unet.{key} has {len(getattr(unet, key))} entries for {levels} levels"
        for key in ("num_attention_heads", "motion_num_attention_heads"):
            for width, heads in zip(unet.block_out_channels, getattr(unet, key), strict=True):
                if width % heads:
                    return f"unet.{key}: {heads} heads do not divide {width} channels"
        if any(width % unet.norm_num_groups for width in unet.block_out_channels):
            return f"unet.norm_num_groups: {unet.norm_num_groups} does not divide all of unet.block_out_channels"
        normed = vae.block_out_channels[1 if vae.kind == "patch" else 0 :]
        if any(width % vae.norm_num_groups for width in normed):
            return f"vae.norm_num_groups: {vae.norm_num_groups} does not divide all of {normed}"
        if len(self.face_locator.block_out_channels) != len(vae.block_out_channels):
            return "face_locator.block_out_channels needs as many entries as vae.block_out_channels, to halve as often"
        if unet.motion_max_seq_length < self.num_motion_frames + self.num_frames:
            return "unet.motion_max_seq_length is less than num_motion_frames + num_frames"
        return None


def load_model_config(name: str) -> ModelConfig:
    """Read a model configuration by its name (`emo-tiny`, `emo-sd15`) or path.

    Raises:
        ConfigError: there is no such file, or it holds an unknown key or a value of the wrong kind or out of bounds.
    """
    return load_config(ModelConfig, config_path(name))


def config_path(name: str) -> Path:
    """The file of a model configuration, of whatever system, by its name or path.

    Raises:
        ConfigError: there is none.
    """
    path = Path(name)
    if path.suffix not in {".yaml", ".yml"}:
        path = bundled("configs/model") / f"{name}.yaml"
    if file_status(path, ConfigError) is None or not path.is_file():
        known = ", ".join(sorted(file.stem for file in bundled("configs/model").glob("*.yaml")))
        raise ConfigError(f"{name}: no such model configuration; give a YAML file or one of {known}")
    return path
