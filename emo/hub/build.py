"""A complete pipeline of any configured size, with random weights."""

import torch
from diffusers import DDIMScheduler
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emo.hub.autoencoder import build_vae
from emo.hub.model_config import ModelConfig
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
            audio_encoder=build_audio_encoder(config),
            feature_extractor=Wav2Vec2FeatureExtractor(do_normalize=True),
            scheduler=build_scheduler(config),
            **build_encoders(config),
        )


def build_unets(config: ModelConfig) -> tuple[BackboneUNet, ReferenceNet]:
    """Backbone and ReferenceNet (3.2.1, 3.2.3)."""
    factor = 2 ** (len(config.vae.block_out_channels) - 1)
    shared = dict(
        in_channels=config.vae.latent_channels,
        block_out_channels=config.unet.block_out_channels,
        layers_per_block=config.unet.layers_per_block,
        norm_num_groups=config.unet.norm_num_groups,
        spatial_attention=config.unet.spatial_attention,
        num_attention_heads=config.unet.num_attention_heads,
    )
    unet = BackboneUNet(
        sample_size=config.image_size // factor,
        num_frames=config.num_frames,
        num_motion_frames=config.num_motion_frames,
        out_channels=config.vae.latent_channels,
        motion_num_attention_heads=config.unet.motion_num_attention_heads,
        motion_max_seq_length=config.unet.motion_max_seq_length,
        use_motion_mid_block=config.unet.use_motion_mid_block,
        audio_dim=config.audio_projection.token_dim,
        speed_dim=config.speed_encoder.speed_dim,
        **shared,
    )
    return unet.eval(), ReferenceNet(**shared).eval()


def build_encoders(config: ModelConfig) -> dict[str, torch.nn.Module]:
    """Audio projection, face locator and speed encoder (3.2.2, 3.2.5), by component name."""
    return {
        "audio_projection": AudioProjection(
            num_neighbors=config.num_neighbors,
            num_layers=config.audio_encoder.num_hidden_layers,
            layer_dim=config.audio_encoder.hidden_size,
            hidden_dim=config.audio_projection.hidden_dim,
            num_tokens=config.audio_projection.num_tokens,
            token_dim=config.audio_projection.token_dim,
        ).eval(),
        "face_locator": FaceLocator(
            block_out_channels=config.face_locator.block_out_channels, out_channels=config.unet.block_out_channels[0]
        ).eval(),
        "speed_encoder": SpeedEncoder(
            num_neighbors=config.num_neighbors,
            num_buckets=config.speed_encoder.num_buckets,
            max_speed=config.speed_encoder.max_speed,
            speed_dim=config.speed_encoder.speed_dim,
        ).eval(),
    }


def build_audio_encoder(config: ModelConfig) -> Wav2Vec2Model:
    """wav2vec 2.0 of the configured size; the strides are always its own (20 ms)."""
    encoder = config.audio_encoder
    return Wav2Vec2Model(
        Wav2Vec2Config(
            hidden_size=encoder.hidden_size,
            num_hidden_layers=encoder.num_hidden_layers,
            num_attention_heads=encoder.num_attention_heads,
            intermediate_size=encoder.intermediate_size,
            conv_dim=tuple(encoder.conv_dim),
            num_conv_pos_embeddings=encoder.num_conv_pos_embeddings,
            num_conv_pos_embedding_groups=encoder.num_conv_pos_embedding_groups,
        )
    ).eval()


def build_scheduler(config: ModelConfig) -> DDIMScheduler:
    """Stable Diffusion's noise schedule with DDIM sampling (4.1)."""
    return DDIMScheduler(
        beta_schedule=config.scheduler.beta_schedule,
        beta_start=0.00085,
        beta_end=0.012,
        num_train_timesteps=1000,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=config.scheduler.prediction_type,
        rescale_betas_zero_snr=config.scheduler.rescale_betas_zero_snr,
        timestep_spacing=config.scheduler.timestep_spacing,
    )
