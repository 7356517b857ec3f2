"""GAIA's speech-to-motion networks in training: S, A and P together (4.2)."""

import torch
from torch import Tensor, nn

from emo.errors import ConfigError
from emo.hub.gaia_config import GAIAConfig
from emo.motion import MotionSpace
from emo.motion.gaia import MotionConformer, PosePredictor, SpeechEncoder
from emo.training.loading import load_part

PARTS = {"denoiser": MotionConformer, "speech_encoder": SpeechEncoder, "pose_predictor": PosePredictor}
"""By their names in a model's folder."""


class GAIAMotionNetworks(nn.Module):
    """All that learns."""

    def __init__(self, denoiser: MotionConformer, speech_encoder: SpeechEncoder, pose_predictor: PosePredictor):
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
    ) -> tuple[Tensor, Tensor]:
        """Z0 (B, N, D) of noisy motion with true poses, and poses (B, N, 3) as predicted; see the networks."""
        speech = self.speech_encoder(audio, pose, has_speech, frame_mask)
        motion = self.denoiser(sample, timestep, speech, reference, has_reference, frame_mask)
        return motion, self.pose_predictor(audio, frame_mask)


def new_networks(
    config: GAIAConfig,
    *,
    space: MotionSpace,
    pose_space: MotionSpace,
    token_channels: int,
    audio_dim: int,
    fps: str,
    seed: int,
) -> GAIAMotionNetworks:
    """Networks of random weights.

    Args:
        config: their sizes.
        space: of the latents.
        pose_space: of the poses.
        token_channels: of the latents.
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
            PosePredictor(audio_dim=audio_dim, space=pose_space.to_dict(), **vars(config.pose_predictor)),
        )


def trained_networks(folder: str, space: MotionSpace, audio_dim: int, fps: str) -> GAIAMotionNetworks:
    """Trained ones.

    Raises:
        WeightsError: there are none.
        ConfigError: they are of another sound, other latents or another rate.
    """
    networks = GAIAMotionNetworks(*(load_part(kind, folder, subfolder=name) for name, kind in PARTS.items()))
    denoiser = networks.denoiser
    heard = {networks.speech_encoder.config["audio_dim"], networks.pose_predictor.config["audio_dim"]}
    if heard != {audio_dim} or denoiser.space.names != space.names:
        raise ConfigError(f"model.init: {folder} has another audio encoder or another autoencoder")
    if denoiser.config["fps"] != fps:
        raise ConfigError(f"model.init: {folder} is of {denoiser.config['fps']} frames per second, the clips of {fps}")
    return networks
