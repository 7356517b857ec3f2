"""A complete pipeline of any configured size, with random weights."""

import inspect
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emo.hub.autoencoder import build_vae
from emo.hub.model_config import AudioEncoderConfig, ModelConfig
from emo.pipelines import EMOPipeline
from emo.unets import AudioProjection, BackboneUNet, FaceLocator, ReferenceNet, SpeedEncoder


def build_pipeline(config: ModelConfig, seed: int = 0) -> EMOPipeline:
    """All components of a model with weights drawn from a seed; layers that start at zero are zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae = build_vae(config)
        unet, reference_unet = build_unets(config)
        return EMOPipeline(
            vae=vae,
            unet=unet,
            reference_unet=reference_unet,
            audio_encoder=build_audio_encoder(config.audio_encoder),
            feature_extractor=Wav2Vec2FeatureExtractor(do_normalize=True),
            scheduler=build_scheduler(config),
            **build_encoders(config),
        )


def build_unets(config: ModelConfig) -> tuple[BackboneUNet, ReferenceNet]:
    """Backbone and ReferenceNet (3.2.1, 3.2.3)."""
    section = vars(config.unet)
    shared = inspect.signature(ReferenceNet.__init__).parameters  # the backbone has them all
    channels = config.vae.latent_channels
    unet = BackboneUNet(
        sample_size=config.image_size // 2 ** (len(config.vae.block_out_channels) - 1),
        num_frames=config.num_frames,
        num_motion_frames=config.num_motion_frames,
        in_channels=channels,
        out_channels=channels,
        audio_dim=config.audio_projection.token_dim,
        speed_dim=config.speed_encoder.speed_dim,
        **section,
    )
    reference_unet = ReferenceNet(
        in_channels=channels, **{name: value for name, value in section.items() if name in shared}
    )
    return unet.eval(), reference_unet.eval()


def build_encoders(config: ModelConfig) -> dict[str, Any]:
    """Audio projection, face locator and speed encoder (3.2.2, 3.2.5), by component name."""
    audio_projection = AudioProjection(
        num_neighbors=config.num_neighbors,
        num_layers=config.audio_encoder.num_hidden_layers,
        layer_dim=config.audio_encoder.hidden_size,
        **vars(config.audio_projection),
    )
    face_locator = FaceLocator(out_channels=config.unet.block_out_channels[0], **vars(config.face_locator))
    speed_encoder = SpeedEncoder(num_neighbors=config.num_neighbors, **vars(config.speed_encoder))
    return {
        "audio_projection": audio_projection.eval(),
        "face_locator": face_locator.eval(),
        "speed_encoder": speed_encoder.eval(),
    }


def build_audio_encoder(config: AudioEncoderConfig) -> Wav2Vec2Model:
    """wav2vec 2.0 of the configured size; the strides are always its own (20 ms)."""
    section: dict[str, Any] = vars(config) | {"conv_dim": tuple(config.conv_dim)}
    return Wav2Vec2Model(Wav2Vec2Config(**section)).eval()


def build_scheduler(config: ModelConfig) -> Any:
    """Stable Diffusion's noise schedule with DDIM sampling (4.1)."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        num_train_timesteps=1000,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        **vars(config.scheduler),
    )
