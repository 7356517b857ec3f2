"""The size of a VASA-1 model as a checked configuration: `configs/model/vasa-*.yaml` over structured defaults."""

from dataclasses import dataclass, field
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import Name, Numbers, Several
from emo.config import load_config
from emo.hub.model_config import WIDTH, AudioEncoderConfig, config_path


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
class VASAConfig:
    """One model: motion in named controls, drawn by a `MeshAnimator`.

    Attributes:
        image_size: height and width in pixels where nobody asks for others.
    """

    image_size: Annotated[int, Numbers(8, 4096, multiple=2)] = 512
    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)
    audio_encoder: AudioEncoderConfig = field(default_factory=AudioEncoderConfig)

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
