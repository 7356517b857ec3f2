"""CAPP, contrastive audio and pose pretraining: how well a head's motion goes with its sound (VASA-1, 4).

Two encoders, of 3 s of sound and of the head's turning, are trained so that the embeddings of what belongs together
point the same way, as CLIP's are; the cosine of the two is the measure. VASA-1's networks were not published: these
are trained by train/capp.py (docs/capp.md).
"""

import math
from pathlib import Path

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import normalize

from emo.errors import EmoError, WeightsError, first_line
from emo.metrics.mfcc import BANDS, log_mel
from emo.motion.blocks import ConformerBlock, TransformerBlock

FPS = 25
ROWS = 4  # of `log_mel`, of a frame
MEL_DIM = ROWS * (BANDS + 1)
ANGLES = 3
KERNEL = 15  # frames that a convolution over sound sees
TEMPERATURE = 0.07  # at first, as CLIP's
LEAST_TEMPERATURE = 0.01
HOP = 25  # frames from one window of `capp` to the next


class CAPP(ModelMixin, ConfigMixin):
    """Embeddings of windows of N frames of a head's turning and of sound.

    An embedding keeps the time: it is the frames' own channels side by side, so that a nod that comes too late is not
    the same nod. The paper says of its encoders that the pose's is a Transformer of 6 layers.

    Args:
        audio_dim: A, channels of the sound at each frame.
        frames: N, at 25 per second.
        dim: width of both encoders.
        pose_layers: Transformer layers of the pose's encoder.
        audio_layers: Conformer layers of the sound's.
        heads: of the attentions.
        channels: of each frame in an embedding.
    """

    _supports_gradient_checkpointing = False

    audio_mean: Tensor
    audio_deviation: Tensor
    pose_deviation: Tensor

    @register_to_config
    def __init__(
        self,
        *,
        audio_dim: int = MEL_DIM,
        frames: int = 75,
        dim: int = 128,
        pose_layers: int = 6,
        audio_layers: int = 2,
        heads: int = 4,
        channels: int = 8,
    ):
        super().__init__()
        self.pose_in, self.audio_in = nn.Linear(ANGLES, dim), nn.Linear(audio_dim, dim)
        self.pose_blocks = nn.ModuleList(TransformerBlock(dim, heads) for _ in range(pose_layers))
        self.audio_blocks = nn.ModuleList(ConformerBlock(dim, heads, KERNEL) for _ in range(audio_layers))
        self.pose_norm, self.audio_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.pose_out, self.audio_out = nn.Linear(dim, channels), nn.Linear(dim, channels)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(TEMPERATURE)))
        self.register_buffer("audio_mean", torch.zeros(audio_dim))
        self.register_buffer("audio_deviation", torch.ones(audio_dim))
        self.register_buffer("pose_deviation", torch.ones(ANGLES))

    def pose(self, changes: Tensor) -> Tensor:
        """Embeddings of degrees by which yaw, pitch and roll change per frame, (B, N, 3) -> (B, N x channels)."""
        x = self.pose_in(torch.asinh(changes / self.pose_deviation))  # heads turn slowly, and ten times as fast
        for block in self.pose_blocks:
            x = block(x)
        return normalize(self.pose_out(self.pose_norm(x)).flatten(1), dim=-1)

    def sound(self, features: Tensor) -> Tensor:
        """Embeddings of sound, (B, N, A) -> (B, N x channels)."""
        x = self.audio_in((features - self.audio_mean) / self.audio_deviation)
        for block in self.audio_blocks:
            x = block(x)
        return normalize(self.audio_out(self.audio_norm(x)).flatten(1), dim=-1)

    def forward(self, changes: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings of both, (B, N x channels) each, and the inverse temperature ()."""
        scale = self.log_scale.clamp(max=-math.log(LEAST_TEMPERATURE)).exp()
        return self.pose(changes), self.sound(features), scale

    @classmethod
    def from_folder(cls, folder: str | Path) -> "CAPP":
        """A network that `save_pretrained` has written, from safetensors alone.

        Raises:
            WeightsError: there is none, or it cannot be loaded.
        """
        try:
            return cls.from_pretrained(folder, use_safetensors=True).eval()
        except (OSError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{folder}: no CAPP could be loaded ({first_line(error)})") from error


@torch.no_grad()
def capp(network: CAPP, angles: np.ndarray | Tensor, features: np.ndarray | Tensor) -> float:
    """Mean cosine of a head's turning and its sound over windows a second apart.

    Args:
        network: in evaluation mode, on any device.
        angles: yaw, pitch, roll in degrees at 25 frames per second, (T, 3).
        features: of the sound at each frame, (T, A): `mel_frames`, or hidden states, as the network learned from.

    Raises:
        EmoError: they do not fit the network or each other, or are shorter than a window and a frame.
    """
    turned, heard = (torch.as_tensor(each, dtype=torch.float32) for each in (angles, features))
    frames, width = network.config["frames"], network.config["audio_dim"]
    if turned.ndim != 2 or heard.shape != (len(turned), width) or turned.shape[1] != ANGLES:
        raise EmoError(
            f"CAPP takes angles (T, {ANGLES}) and sound (T, {width}), not {tuple(turned.shape)}, {tuple(heard.shape)}"
        )
    if len(turned) <= frames:
        raise EmoError(f"CAPP judges {frames} changes between frames, but there are only {len(turned)} frames")

    def windows(values: Tensor) -> Tensor:
        return values.unfold(0, frames, HOP).transpose(1, 2).contiguous().to(network.device)

    pose, sound = network.pose(windows(turned.diff(dim=0))), network.sound(windows(heard[1:]))
    return float((pose * sound).sum(-1).mean())


def mel_frames(waveform: np.ndarray, frames: int) -> np.ndarray:
    """Sound at each of `frames` frames, 25 per second: `log_mel` from the frame's 40 ms on, (N,) -> (frames, 108).

    Raises:
        EmoError: the waveform is of another shape, empty or not finite.
    """
    rows = log_mel(waveform)
    places = np.arange(frames * ROWS).clip(max=len(rows) - 1)
    return rows[places].reshape(frames, MEL_DIM)
