"""A complete pipeline small enough for tests: all parts real, random, and with no layer left at its zero start."""

from dataclasses import replace

import numpy as np
import torch
from zero_init import fill_zero_init

from emo.hub import ModelConfig, build_pipeline
from emo.hub.build_gaia import build_gaia, build_text_encoder
from emo.hub.build_gohd import build_gohd
from emo.hub.build_vasa import build_vasa
from emo.hub.gaia_config import (
    GAIAConfig,
    MotionAppearanceVAEConfig,
    MotionConformerConfig,
    PosePredictorConfig,
    SpeechEncoderConfig,
    TextEncoderConfig,
)
from emo.hub.gohd_config import EyeMotionGeneratorConfig, GoHDConfig, LipMapperConfig, PoseDenoiserConfig
from emo.hub.model_config import (
    AudioEncoderConfig,
    AudioProjectionConfig,
    FaceLocatorConfig,
    SchedulerConfig,
    SpeedEncoderConfig,
    UNetConfig,
    VAEConfig,
)
from emo.hub.vasa_config import DenoiserConfig, VASAConfig
from emo.motion.gaia import MotionConformer, SpeechEncoder
from emo.motion.gaia.landmark_space import landmark_space
from emo.motion.gaia.words import small_tokenizer
from emo.pipelines import EMOPipeline, GAIAPipeline, GoHDPipeline, VASAPipeline
from emo.unets import ReferenceAutoencoder

SIZE, FRAMES, MOTION_FRAMES = 64, 4, 2
PATCH_VAE = VAEConfig("patch", block_out_channels=[8, 8, 16], layers_per_block=1, latent_channels=4, norm_num_groups=4)


def tiny_config() -> ModelConfig:
    """64 px, latents 16×16, clips of 4 frames after 2 motion frames."""
    return ModelConfig(
        image_size=SIZE,
        num_frames=FRAMES,
        num_motion_frames=MOTION_FRAMES,
        unet=UNetConfig(
            block_out_channels=[8, 16],
            layers_per_block=1,
            norm_num_groups=4,
            spatial_attention=[True, True],
            num_attention_heads=[2, 2],
            motion_num_attention_heads=[2, 2],
        ),
        audio_projection=AudioProjectionConfig(hidden_dim=32, num_tokens=3, token_dim=16),
        face_locator=FaceLocatorConfig(block_out_channels=[4, 8, 8]),
        speed_encoder=SpeedEncoderConfig(speed_dim=16),
        audio_encoder=AudioEncoderConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            conv_dim=[32] * 7,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=4,
        ),
        vae=VAEConfig(block_out_channels=[8, 16, 16], layers_per_block=1, latent_channels=4, norm_num_groups=4),
        scheduler=SchedulerConfig("v_prediction", True, "trailing"),
    )


def tiny_pipeline(seed: int = 0) -> EMOPipeline:
    """The pipeline of `tiny_config`, quiet, with its zero-initialized layers filled."""
    pipe = build_pipeline(tiny_config(), seed)
    for component in pipe.components.values():
        if isinstance(component, torch.nn.Module):
            fill_zero_init(component, seed)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def patch_pipeline(reference: bool = False) -> EMOPipeline:
    """The pipeline of `tiny_config` around a patch autoencoder, or one with a reference decoder."""
    pipe = build_pipeline(replace(tiny_config(), vae=PATCH_VAE))
    if reference:
        vae = ReferenceAutoencoder(
            PATCH_VAE.latent_channels,
            PATCH_VAE.block_out_channels,
            PATCH_VAE.layers_per_block,
            PATCH_VAE.norm_num_groups,
            reference_out_channels=(8, 8, 16),
            reference_layers=1,
        )
        pipe = EMOPipeline(**pipe.components | {"vae": vae.eval()})
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            fill_zero_init(part)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def tiny_vasa(seed: int = 0) -> VASAPipeline:
    """A pipeline of motion, quiet: 128 px, windows of 8 frames after 3."""
    denoiser = DenoiserConfig(["happy", "angry"], window_length=8, prefix_length=3, dim=16, layers=1, heads=2)
    pipe = build_vasa(VASAConfig(128, denoiser, tiny_config().audio_encoder), seed)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def tiny_gaia(seed: int = 0, landmarks: bool = False, sentences: tuple[str, ...] = ()) -> GAIAPipeline:
    """A pipeline of latents, quiet, with its zero-initialized layers filled: 64 px, sequences of 12 frames of which 4
    are known.

    Args:
        seed: of the weights.
        landmarks: whether it generates landmarks, too.
        sentences: whose words it understands, if any.
    """
    config = GAIAConfig(
        image_size=64,
        vae=MotionAppearanceVAEConfig([8, 8, 8, 16], layers_per_block=1, norm_num_groups=4),
        denoiser=MotionConformerConfig(max_length=12, overlap=4, dim=16, layers=1, heads=2, kernel=3),
        speech_encoder=SpeechEncoderConfig(dim=8, layers=1, kernel=3),
        pose_predictor=PosePredictorConfig([8], kernel=3),
        audio_encoder=tiny_config().audio_encoder,
    )
    pipe = build_gaia(config, seed)
    if landmarks:
        own = {"space": landmark_space().to_dict(), "token_channels": 2}
        denoiser = MotionConformer.from_config(pipe.denoiser.config, **own)
        speech_encoder = SpeechEncoder.from_config(pipe.speech_encoder.config)
        added = {"landmark_denoiser": denoiser.eval(), "landmark_speech_encoder": speech_encoder.eval()}
        pipe = GAIAPipeline(**pipe.components | added)
    if sentences:
        tokenizer = small_tokenizer(sentences)
        encoder = build_text_encoder(TextEncoderConfig(16, 1, 2, 16, 8), tokenizer).eval()
        denoiser = MotionConformer.from_config(pipe.denoiser.config).eval()
        added = {"text_denoiser": denoiser, "text_encoder": encoder, "tokenizer": tokenizer}
        pipe = GAIAPipeline(**pipe.components | added)
    for name, part in pipe.components.items():
        if isinstance(part, torch.nn.Module) and name not in ("audio_encoder", "text_encoder"):
            fill_zero_init(part, seed)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def tiny_gohd(seed: int = 0) -> GoHDPipeline:
    """A pipeline of motion in named controls, quiet, with its zero-initialized layers filled: 128 px, sequences of 12
    frames of which 4 are known."""
    denoiser = PoseDenoiserConfig(max_length=12, overlap=4, dim=16, layers=2, heads=2)
    config = GoHDConfig(
        image_size=128,
        denoiser=denoiser,
        gaze_denoiser=denoiser,
        lip_mapper=LipMapperConfig(embedding_dim=8, dim=16, layers=1),
        eye_generator=EyeMotionGeneratorConfig(noise_dim=4, dim=8, layers=1),
        audio_encoder=tiny_config().audio_encoder,
    )
    pipe = build_gohd(config, seed)
    for part in (pipe.denoiser, pipe.gaze_denoiser):
        fill_zero_init(part, seed)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def noise(seconds: float, rate: int = 16000, seed: int = 0) -> tuple[np.ndarray, int]:
    """Mono noise as `(samples, rate)`."""
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate)).astype(np.float32), rate
