"""GoHD's networks of any configured size, with random weights, and a complete pipeline of them."""

from collections.abc import Sequence

import torch
from transformers import Wav2Vec2FeatureExtractor

from emo.hub.build import build_audio_encoder
from emo.hub.gohd_config import GoHDConfig, PoseDenoiserConfig
from emo.motion import CONTROLS, MeshAnimator, MotionSpace
from emo.motion.gohd import (
    EXPRESSION,
    EYES,
    GAZE,
    POSE,
    EyeMotionGenerator,
    LipMapper,
    NavigationAnimator,
    PoseDenoiser,
    gohd_scheduler,
)
from emo.pipelines import GoHDPipeline


def build_gohd(config: GoHDConfig, seed: int = 0) -> GoHDPipeline:
    """All components of a model with weights drawn from a seed."""
    sound = config.audio_encoder
    audio_dim = sound.num_hidden_layers * sound.hidden_size
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pose, gaze, expression = (CONTROLS.only(*part) for part in (POSE, GAZE, EXPRESSION))
        denoiser = build_denoiser(config.denoiser, pose, pose.deviation.tolist(), audio_dim)
        gaze_denoiser = build_denoiser(config.gaze_denoiser, gaze, gaze.deviation.tolist(), audio_dim)
        lip_mapper = build_lip_mapper(config, expression, audio_dim)
        return GoHDPipeline(
            animator=build_animator(config).eval(),
            denoiser=denoiser.eval(),
            gaze_denoiser=gaze_denoiser.eval(),
            lip_mapper=lip_mapper.eval(),
            eye_generator=build_eye_generator(config, lip_mapper).eval(),
            audio_encoder=build_audio_encoder(sound),
            feature_extractor=Wav2Vec2FeatureExtractor(do_normalize=True),
            scheduler=gohd_scheduler(config.denoiser.prediction_type),  # pyright: ignore[reportArgumentType] (an enumeration)
        )


def build_animator(config: GoHDConfig) -> NavigationAnimator | MeshAnimator:
    """What draws: the paper's, or a mesh where the configuration has none."""
    if config.animator is None:
        return MeshAnimator(config.image_size)
    return NavigationAnimator(**vars(config.animator), picture_size=config.image_size)


def build_denoiser(
    config: PoseDenoiserConfig, space: MotionSpace, reach: Sequence[float], audio_dim: int, fps: str = "25"
) -> PoseDenoiser:
    """What makes poses, or directions of the eyes; arguments are the network's."""
    return PoseDenoiser(space=space.to_dict(), audio_dim=audio_dim, reach=list(reach), fps=fps, **vars(config))


def build_lip_mapper(config: GoHDConfig, space: MotionSpace, audio_dim: int, eyes: Sequence[str] = EYES) -> LipMapper:
    """Stage 1 of expressions in a space, told what eyes do."""
    return LipMapper(space=space.to_dict(), eyes=list(eyes), audio_dim=audio_dim, **vars(config.lip_mapper))


def build_eye_generator(config: GoHDConfig, lip_mapper: LipMapper) -> EyeMotionGenerator:
    """Stage 2 upon a stage 1."""
    return EyeMotionGenerator(
        columns=len(lip_mapper.eyes),
        expression_columns=len(lip_mapper.space),
        embedding_dim=lip_mapper.config["embedding_dim"],
        **vars(config.eye_generator),
    )
