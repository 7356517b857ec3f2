"""A pipeline from public weights by folder or Hub name: Stable Diffusion 1.5, AnimateDiff, an audio encoder."""

from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import MotionAdapter

from emo.errors import WeightsError
from emo.hub.audio_encoder import fetch_audio_encoder, fit_audio_encoder
from emo.hub.build import build_encoders, build_scheduler, build_unets
from emo.hub.fetch import fetch
from emo.hub.model_config import ModelConfig
from emo.hub.sd15 import load_backbone, load_reference, load_temporal
from emo.pipelines import EMOPipeline


def import_pipeline(
    config: ModelConfig, *, sd15: str, motion_adapter: str, audio_encoder: str, vae: str | None = None, seed: int = 0
) -> EMOPipeline:
    """Make the pipeline from which training starts (3.3); what no source has is drawn from a seed.

    Args:
        config: what the sources do not decide: frames, audio tokens, face locator, speed buckets, scheduler.
        sd15: folder or Hub name of a Stable Diffusion 1.5 pipeline.
        motion_adapter: of an AnimateDiff motion adapter (v1.5-2 has a module in the middle, v1.5-3 has none).
        audio_encoder: of a wav2vec 2.0 model or a Whisper.
        vae: of an autoencoder; `sd15`'s own by default.

    Raises:
        WeightsError: a source cannot be had as safetensors, or is of another architecture.
    """
    source = fetch(UNet2DConditionModel, sd15, subfolder="unet")
    adapter = fetch(MotionAdapter, motion_adapter)
    encoder = fetch_audio_encoder(audio_encoder)
    autoencoder = fetch(AutoencoderKL, vae) if vae else fetch(AutoencoderKL, sd15, subfolder="vae")
    fit_config(config, source.config, adapter.config, encoder.network.config, autoencoder.config)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet, reference_unet = build_unets(config)
        encoders = build_encoders(config)
    load_backbone(unet, source.state_dict())
    load_temporal(unet, adapter.state_dict())
    load_reference(reference_unet, source.state_dict())
    return EMOPipeline(
        vae=autoencoder,
        unet=unet,
        reference_unet=reference_unet,
        audio_encoder=encoder.network,
        feature_extractor=encoder.feature_extractor,
        scheduler=build_scheduler(config),
        **encoders,
    )


def fit_config(config: ModelConfig, unet: Any, adapter: Any, encoder: Any, vae: Any) -> None:
    """Take the sizes that the sources decide into `config`, in place.

    Raises:
        WeightsError: the UNet has not SD 1.5's layout, or the parts do not fit together.
    """
    down = list(unet.down_block_types)
    up = list(unet.up_block_types)
    cross = [kind == "CrossAttnDownBlock2D" for kind in down]
    layout = {
        "down_block_types": set(down) <= {"CrossAttnDownBlock2D", "DownBlock2D"},
        "up_block_types": up == ["CrossAttnUpBlock2D" if attention else "UpBlock2D" for attention in reversed(cross)],
        "mid_block_type": unet.mid_block_type == "UNetMidBlock2DCrossAttn",
        "use_linear_projection": not unet.use_linear_projection,
        "transformer_layers_per_block": unet.transformer_layers_per_block == 1,
        "class_embed_type": unet.class_embed_type is None and unet.addition_embed_type is None,
        "layers_per_block": isinstance(unet.layers_per_block, int),
        "in_channels": unet.in_channels == unet.out_channels == vae.latent_channels,
    }
    if wrong := [key for key, right in layout.items() if not right]:
        raise WeightsError(f"the UNet is not of Stable Diffusion 1.5's layout: {wrong[0]} is {unet[wrong[0]]}")
    if list(adapter.block_out_channels) != list(unet.block_out_channels):
        raise WeightsError(
            f"the motion adapter is made for widths {list(adapter.block_out_channels)}, the UNet has "
            f"{list(unet.block_out_channels)}"
        )
    levels = len(down)
    heads = unet.attention_head_dim  # diffusers' name for SD 1.5's number of heads
    config.image_size = unet.sample_size * 2 ** (len(vae.block_out_channels) - 1)
    config.vae.block_out_channels = list(vae.block_out_channels)
    config.vae.latent_channels = vae.latent_channels
    fit_audio_encoder(config, encoder)
    config.unet.block_out_channels = list(unet.block_out_channels)
    config.unet.layers_per_block = unet.layers_per_block
    config.unet.norm_num_groups = unet.norm_num_groups
    config.unet.spatial_attention = cross
    config.unet.num_attention_heads = [heads] * levels if isinstance(heads, int) else list(heads)
    config.unet.motion_num_attention_heads = [adapter.motion_num_attention_heads] * levels
    config.unet.motion_max_seq_length = adapter.motion_max_seq_length
    config.unet.use_motion_mid_block = adapter.use_motion_mid_block
