"""A small decoder in the place of Stable Diffusion's: several times faster, somewhat less sharp (TAESD)."""

import os
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

from emo.errors import OptionError, WeightsError, first_line
from emo.store.repository import hub_errors, split_revision


def load_fast_decoder(place: str | os.PathLike, dtype: torch.dtype = torch.float32) -> AutoencoderTiny:
    """An `AutoencoderTiny` from a folder or the Hub, there as `org/name` or `org/name@revision`; safetensors only.

    Raises:
        WeightsError: there is none, or it is damaged.
        HubError: the repository cannot be had.
    """
    name, revision = split_revision(place)
    try:
        with hub_errors(str(name)):
            return AutoencoderTiny.from_pretrained(name, revision=revision, use_safetensors=True, dtype=dtype)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise WeightsError(f"{name}: no fast decoder can be loaded ({first_line(error)})") from error


def check_fast_decoder(decoder: AutoencoderTiny, vae: Any) -> None:
    """See that a small decoder understands an autoencoder's latents.

    Raises:
        OptionError: it does not.
    """
    if not isinstance(vae, AutoencoderKL):
        problem = "a fast decoder is for models with Stable Diffusion's autoencoder, which this one has not"
        raise OptionError(problem, option="fast_decoder")
    channels, levels = decoder.config["latent_channels"], len(decoder.config["decoder_block_out_channels"])
    if (channels, levels) != (vae.config["latent_channels"], len(vae.config["block_out_channels"])):
        raise OptionError(
            f"the fast decoder is for latents of {channels} channels at 1/{2 ** (levels - 1)} of the size, this "
            f"model's have {vae.config['latent_channels']} at 1/{2 ** (len(vae.config['block_out_channels']) - 1)}",
            option="fast_decoder",
        )
