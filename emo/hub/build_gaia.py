"""GAIA's networks of any configured size, with random weights, and a complete pipeline of them."""

from typing import Any

import torch
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer, Wav2Vec2FeatureExtractor

from emo.hub.build import build_audio_encoder
from emo.hub.gaia_config import GAIAConfig, TextEncoderConfig
from emo.motion.gaia import (
    MotionAppearanceVAE,
    MotionConformer,
    PosePredictor,
    SpeechEncoder,
    latent_space,
    vp_sde_scheduler,
)
from emo.pipelines import GAIAPipeline


def build_gaia(config: GAIAConfig, seed: int = 0) -> GAIAPipeline:
    """All components of a model with weights drawn from a seed."""
    return GAIAPipeline(
        **build_gaia_networks(config, seed),
        feature_extractor=Wav2Vec2FeatureExtractor(do_normalize=True),
        scheduler=vp_sde_scheduler(),  # pyright: ignore[reportArgumentType] (diffusers' kind is an enumeration)
    )


def build_gaia_networks(config: GAIAConfig, seed: int = 0) -> dict[str, Any]:
    """All networks of a model by component name, with weights drawn from a seed."""
    sound = config.audio_encoder
    audio_dim = sound.num_hidden_layers * sound.hidden_size
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae = build_gaia_vae(config)
        networks = {
            "vae": vae,
            "denoiser": MotionConformer(
                space=latent_space(vae.motion_shape).to_dict(),
                token_channels=config.vae.motion_channels,
                speech_dim=config.speech_encoder.dim,
                **vars(config.denoiser),
            ),
            "speech_encoder": SpeechEncoder(audio_dim=audio_dim, **vars(config.speech_encoder)),
            "pose_predictor": PosePredictor(audio_dim=audio_dim, **vars(config.pose_predictor)),
            "audio_encoder": build_audio_encoder(sound),
        }
    return {name: network.eval() for name, network in networks.items()}


def build_text_encoder(config: TextEncoderConfig, tokenizer: CLIPTokenizer) -> CLIPTextModelWithProjection:
    """A text encoder of random weights for a tokenizer's sentences."""
    sizes = CLIPTextConfig(
        **vars(config),
        vocab_size=len(tokenizer),
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,  # pyright: ignore[reportArgumentType] (of this kind it is one number)
        eos_token_id=tokenizer.eos_token_id,  # pyright: ignore[reportArgumentType]
        pad_token_id=tokenizer.pad_token_id,  # pyright: ignore[reportArgumentType]
    )
    return CLIPTextModelWithProjection(sizes)


def build_gaia_vae(config: GAIAConfig) -> MotionAppearanceVAE:
    """The autoencoder alone."""
    return MotionAppearanceVAE(sample_size=config.image_size, **vars(config.vae))
