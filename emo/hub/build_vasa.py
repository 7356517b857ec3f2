"""A complete VASA-1 pipeline of any configured size, with random weights."""

import torch
from transformers import Wav2Vec2FeatureExtractor

from emo.hub.build import build_audio_encoder
from emo.hub.vasa_config import VASAConfig
from emo.motion import MeshAnimator
from emo.motion.vasa import HolisticMotionTransformer, VolumeAnimator
from emo.pipelines import VASAPipeline
from emo.pipelines.vasa_motion import motion_scheduler


def build_vasa(config: VASAConfig, seed: int = 0) -> VASAPipeline:
    """All components of a model with weights drawn from a seed."""
    encoder = config.audio_encoder
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        face = config.animator
        size = config.image_size
        animator = MeshAnimator(size) if face is None else VolumeAnimator(**vars(face), picture_size=size)
        denoiser = HolisticMotionTransformer(
            space=animator.space.to_dict(),
            audio_dim=encoder.num_hidden_layers * encoder.hidden_size,
            **vars(config.denoiser),
        )
        return VASAPipeline(
            animator=animator.eval(),
            denoiser=denoiser.eval(),
            audio_encoder=build_audio_encoder(encoder),
            feature_extractor=Wav2Vec2FeatureExtractor(do_normalize=True),
            scheduler=motion_scheduler(),  # pyright: ignore[reportArgumentType] (diffusers' kind is an enumeration)
        )
