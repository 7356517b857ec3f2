"""The autoencoders a model may have: Stable Diffusion's, and two that train from scratch on a CPU."""

from typing import Any

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from emo.errors import WeightsError, first_line
from emo.hub.model_config import ModelConfig
from emo.unets import PatchAutoencoder, ReferenceAutoencoder

Autoencoder = AutoencoderKL | PatchAutoencoder
OWN = {kind.__name__: kind for kind in (PatchAutoencoder, ReferenceAutoencoder)}


def build_vae(config: ModelConfig) -> Autoencoder:
    """The autoencoder of the configured kind and size, with random weights."""
    section: dict[str, Any] = vars(config.vae) | {"block_out_channels": tuple(config.vae.block_out_channels)}
    kind = section.pop("kind")
    if kind == "patch":
        return PatchAutoencoder(sample_size=config.image_size, **section).eval()
    levels = len(config.vae.block_out_channels)
    section["down_block_types"] = ("DownEncoderBlock2D",) * levels
    section["up_block_types"] = ("UpDecoderBlock2D",) * levels
    return AutoencoderKL(sample_size=config.image_size, **section).eval()


def load_vae(name: str) -> Autoencoder:
    """The autoencoder of a folder or Hub repository, of whichever kind it is; safetensors only.

    Raises:
        WeightsError: there is none.
    """
    try:
        config: Any = AutoencoderKL.load_config(name)
        kind = OWN.get(config.get("_class_name"), AutoencoderKL)
        return kind.from_pretrained(name, use_safetensors=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{name}: no autoencoder could be loaded ({first_line(error)})") from error
