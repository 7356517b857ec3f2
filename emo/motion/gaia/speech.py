"""What GAIA hears: speech as its motion model takes it, and how a head turns with it (4.2)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import silu

from emo.motion.blocks import FrameConvolution
from emo.motion.space import CONTROLS, MotionSpace

POSE = ("yaw", "pitch", "roll")
"""Columns of x_p, in degrees."""


class FrameBlock(nn.Module):
    """A convolution over frames, added to what it sees."""

    def __init__(self, dim: int, kernel: int):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.convolution = FrameConvolution(dim, kernel)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        return x + self.convolution(self.norm(x), mask)


class SpeechEncoder(ModelMixin, ConfigMixin):
    """A of 4.2: hidden states of wav2vec 2.0 as the motion model takes them, with the head's pose added.

    Args:
        audio_dim: A, of a frame's sound: all hidden states of the audio encoder in a row.
        dim: of what it makes of a frame.
        layers: convolutions.
        kernel: frames that each of them sees, odd.
    """

    @register_to_config
    def __init__(self, *, audio_dim: int, dim: int = 512, layers: int = 2, kernel: int = 5):
        super().__init__()
        self.audio_in = nn.Linear(audio_dim, dim)
        self.blocks = nn.ModuleList([FrameBlock(dim, kernel) for _ in range(layers)])
        self.norm = nn.LayerNorm(dim)
        self.no_speech = nn.Parameter(torch.zeros(dim))
        self.pose_in = nn.Linear(len(POSE), dim)

    def forward(
        self, audio: Tensor, pose: Tensor, has_speech: Tensor | None = None, frame_mask: Tensor | None = None
    ) -> Tensor:
        """Speech with poses.

        Args:
            audio: z_s, (B, N, A).
            pose: x_p, normalized as `PosePredictor` has it, (B, N, 3).
            has_speech: (B,) bool, all by default; others are without sound, but with their poses.
            frame_mask: (B, N) bool, frames that there are; all by default.

        Returns:
            (B, N, dim).
        """
        hidden = self.audio_in(audio)
        for block in self.blocks:
            hidden = block(hidden, frame_mask)
        hidden = self.norm(hidden)
        if has_speech is not None:
            hidden = torch.where(has_speech[:, None, None], hidden, self.no_speech)
        return hidden + self.pose_in(pose)


class PosePredictor(ModelMixin, ConfigMixin):
    """P of 4.2: the poses that go with speech, where none are given.

    Args:
        audio_dim: A, of a frame's sound.
        space: of the poses, yaw, pitch and roll in degrees, as `MotionSpace.to_dict` has it; outputs are normalized by
            it. By default that of usual heads.
        channels: widths of the convolutions.
        kernel: frames that each of them sees, odd.
    """

    @register_to_config
    def __init__(
        self,
        *,
        audio_dim: int,
        space: Mapping[str, Any] | None = None,
        channels: Sequence[int] = (256, 256, 256),
        kernel: int = 9,
    ):
        super().__init__()
        self.space = pose_space() if space is None else MotionSpace.from_dict(space)
        widths = [audio_dim, *channels]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, width, kernel, padding=kernel // 2) for before, width in pairwise(widths)
        )
        self.pose_out = nn.Linear(widths[-1], len(POSE))

    def forward(self, audio: Tensor, frame_mask: Tensor | None = None) -> Tensor:
        """(B, N, A), and (B, N) bool where frames are missing -> normalized poses (B, N, 3)."""
        hidden = audio
        for convolution in self.convolutions:
            if frame_mask is not None:
                hidden = hidden * frame_mask[..., None]
            hidden = silu(convolution(hidden.mT).mT)
        return self.pose_out(hidden)


def pose_space() -> MotionSpace:
    """Of heads' angles."""
    return MotionSpace(tuple(CONTROLS.columns[n] for n in CONTROLS.index(*POSE)), {"pose": POSE})
