"""The two autoencoders a model may have: Stable Diffusion's, and one that trains from scratch on a CPU."""

from diffusers import AutoencoderKL

from emo.errors import WeightsError, first_line
from emo.hub.model_config import ModelConfig
from emo.unets import PatchAutoencoder

Autoencoder = AutoencoderKL | PatchAutoencoder


def build_vae(config: ModelConfig) -> Autoencoder:
    """The autoencoder of the configured kind and size, with random weights."""
    vae, levels = config.vae, len(config.vae.block_out_channels)
    common = dict(
        sample_size=config.image_size,
        block_out_channels=tuple(vae.block_out_channels),
        layers_per_block=vae.layers_per_block,
        latent_channels=vae.latent_channels,
        norm_num_groups=vae.norm_num_groups,
        scaling_factor=vae.scaling_factor,
    )
    if vae.kind == "patch":
        return PatchAutoencoder(**common).eval()
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels, **common
    ).eval()


def load_vae(name: str) -> Autoencoder:
    """The autoencoder of a folder or Hub repository, of whichever kind it is; safetensors only.

    Raises:
        WeightsError: there is none.
    """
    try:
        own = AutoencoderKL.load_config(name).get("_class_name") == PatchAutoencoder.__name__
        return (PatchAutoencoder if own else AutoencoderKL).from_pretrained(name, use_safetensors=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{name}: no autoencoder could be loaded ({first_line(error)})") from error
