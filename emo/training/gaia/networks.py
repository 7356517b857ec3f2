"""GAIA's speech-to-motion networks in training: S, A and P together (4.2)."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPTextModelWithProjection, CLIPTokenizer

from emo.errors import ConfigError
from emo.hub.gaia_config import GAIAConfig
from emo.motion import MotionSpace
from emo.motion.gaia import MotionConformer, PosePredictor, SpeechEncoder
from emo.training.loading import load_part

PARTS = {"denoiser": MotionConformer, "speech_encoder": SpeechEncoder, "pose_predictor": PosePredictor}
"""What learns, by name."""

COMPONENTS = {
    "latents": {name: name for name in PARTS},
    "landmarks": {"denoiser": "landmark_denoiser", "speech_encoder": "landmark_speech_encoder"},
    "instructed": {"denoiser": "text_denoiser", "text_encoder": "text_encoder"},
}
"""What each of these is called in a model's folder, by what is generated; a model has one P for both."""

BESIDE = {
    "landmark_denoiser": MotionConformer,
    "landmark_speech_encoder": SpeechEncoder,
    "text_denoiser": MotionConformer,
    "text_encoder": CLIPTextModelWithProjection,
    "tokenizer": CLIPTokenizer,
}
"""What a model may have besides, by names of its folders."""


class GAIAMotionNetworks(nn.Module):
    """All that learns.

    Args:
        denoiser: S.
        speech_encoder: A.
        pose_predictor: P; None where another model's predicts poses.
    """

    def __init__(self, denoiser: MotionConformer, speech_encoder: SpeechEncoder, pose_predictor: PosePredictor | None):
        super().__init__()
        self.denoiser = denoiser
        self.speech_encoder = speech_encoder
        self.pose_predictor = pose_predictor

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        audio: Tensor,
        pose: Tensor,
        reference: Tensor,
        has_speech: Tensor,
        has_reference: Tensor,
        frame_mask: Tensor,
    ) -> tuple[Tensor, Tensor | None]:
        """Z0 (B, N, D) of noisy motion with true poses, and poses (B, N, 3) as predicted; see the networks."""
        speech = self.speech_encoder(audio, pose, has_speech, frame_mask)
        motion = self.denoiser(sample, timestep, speech, reference, has_reference, frame_mask)
        return motion, None if self.pose_predictor is None else self.pose_predictor(audio, frame_mask)


def new_networks(
    config: GAIAConfig,
    *,
    space: MotionSpace,
    pose_space: MotionSpace | None,
    token_channels: int,
    audio_dim: int,
    fps: str,
    seed: int,
) -> GAIAMotionNetworks:
    """Networks of random weights.

    Args:
        config: their sizes.
        space: of the latents.
        pose_space: of the poses; None where another model predicts them.
        token_channels: numbers of a reference's place.
        audio_dim: of a frame's sound.
        fps: of the motion.
        seed: of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GAIAMotionNetworks(
            MotionConformer(
                space=space.to_dict(),
                token_channels=token_channels,
                speech_dim=config.speech_encoder.dim,
                fps=fps,
                **vars(config.denoiser),
            ),
            SpeechEncoder(audio_dim=audio_dim, **vars(config.speech_encoder)),
            None
            if pose_space is None
            else PosePredictor(audio_dim=audio_dim, space=pose_space.to_dict(), **vars(config.pose_predictor)),
        )


def trained_networks(
    folder: str, space: MotionSpace, audio_dim: int, fps: str, *, option: str = "model.init", state: str = "latents"
) -> GAIAMotionNetworks:
    """Trained ones.

    Args:
        folder: of a model.
        space: of what they generate.
        audio_dim: of a frame's sound.
        fps: of the motion.
        option: that names the folder, for errors.
        state: what is generated.

    Raises:
        WeightsError: there are none.
        ConfigError: they are of another sound, other latents or another rate.
    """
    found: dict[str, Any] = dict.fromkeys(PARTS)
    for name, component in COMPONENTS[state].items():
        found[name] = load_part(PARTS[name], folder, subfolder=component)
    networks = GAIAMotionNetworks(**found)
    denoiser = networks.denoiser
    hearing = [part for part in (networks.speech_encoder, networks.pose_predictor) if part is not None]
    if {part.config["audio_dim"] for part in hearing} != {audio_dim} or denoiser.space.names != space.names:
        raise ConfigError(f"{option}: {folder} has another audio encoder or another autoencoder")
    if denoiser.config["fps"] != fps:
        raise ConfigError(f"{option}: {folder} is of {denoiser.config['fps']} frames per second, the clips of {fps}")
    return networks
