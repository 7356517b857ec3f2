"""GoHD's rhythmic head poses: the noise in how far a head has moved from its first pose (3.1)."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor, nn
from torch.nn.functional import silu

from emo.errors import ConfigError
from emo.media import as_fps
from emo.motion.blocks import ConformerBlock, StepEmbedding, with_bit
from emo.motion.space import MotionSpace


class GatedConformerBlock(nn.Module):
    """One residual block of Fig. 3: two Conformers, whose convolutions are dilated, and a gate that hears the sound.

    Args:
        dim: width.
        heads: of the attention.
        kernel: frames that convolutions see, odd.
        dilation: frames from one of these to the next.
        attention: whether Conformers attend.
    """

    def __init__(self, dim: int, heads: int, kernel: int, dilation: int, attention: bool = True):
        super().__init__()
        self.step_in = nn.Linear(dim, dim)
        self.condition_in = nn.Linear(dim, 2 * dim)
        self.conformers = nn.ModuleList(
            ConformerBlock(dim, heads, kernel, dilation=dilation, attention=attention) for _ in range(2)
        )
        self.to_gates = nn.Linear(dim, 2 * dim)
        self.to_out = nn.Linear(dim, 2 * dim)

    def forward(self, x: Tensor, step: Tensor, condition: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, T, dim), step (B, dim) and condition (B, T, dim) -> what the next block sees, and what is skipped to the
        end, (B, T, dim) each."""
        hidden = x + self.step_in(step)[:, None]
        for conformer in self.conformers:
            hidden = conformer(hidden, mask)
        value, gate = (self.to_gates(hidden) + self.condition_in(condition)).chunk(2, dim=-1)
        residual, skipped = self.to_out(value.tanh() * gate.sigmoid()).chunk(2, dim=-1)
        return (x + residual) / math.sqrt(2), skipped


class PoseDenoiser(ModelMixin, ConfigMixin):
    """Predicts the noise in poses of T frames, each less a first one p0, from their sound, with or without p0 (eq. 2).

    Or what is below the noise, x0: where a sample is nearly all noise, all that can be known of x0 is what the sound
    tells, and an error of the noise counts a fortieth of x0's there.

    One network in place of the paper's two: p0 is dropped in training, with a bit that says so. A second one of this
    kind makes the direction of eyes that wander.

    Args:
        space: of the pose, or whatever moves, D columns, as `MotionSpace.to_dict` has it; p0 is normalized by it.
        audio_dim: A, of a frame's sound: all hidden states of the audio encoder in a row.
        reach: deviations of the columns from the first frame of their sequence, by which what moves is normalized.
        fps: frames per second, exact.
        max_length: frames of a sequence at most.
        overlap: frames of a sequence that the one before has made, fewer than `max_length`.
        dim: width.
        layers: residual blocks.
        heads: of the attention.
        kernel: frames that convolutions see, odd.
        dilation_cycle: blocks after which dilations begin again; within, each is twice the one before.
        attention: whether frames attend to each other; without is the paper's ablation.
        prediction_type: `epsilon`, the paper's, or `sample`; a scheduler's is the same.

    Raises:
        ConfigError: a sequence has no new frame, or there is not one reach for each column.
    """

    @register_to_config
    def __init__(
        self,
        *,
        space: Mapping[str, Any],
        audio_dim: int,
        reach: Sequence[float],
        fps: str = "25",
        max_length: int = 150,
        overlap: int = 50,
        dim: int = 256,
        layers: int = 20,
        heads: int = 8,
        kernel: int = 3,
        dilation_cycle: int = 3,
        attention: bool = True,
        prediction_type: str = "epsilon",
    ):
        super().__init__()
        if not 0 <= overlap < max_length:
            raise ConfigError(f"{overlap} known frames of a sequence of {max_length}: give 0 to {max_length - 1}")
        self.space = MotionSpace.from_dict(space)
        columns = len(self.space)
        if len(reach) != columns:
            raise ConfigError(f"{len(reach)} reaches for {columns} columns")
        self.step = StepEmbedding(dim)
        self.sample_in = nn.Linear(columns, dim)
        self.condition_in = nn.Linear(audio_dim + columns + 1, dim)
        self.blocks = nn.ModuleList(
            GatedConformerBlock(dim, heads, kernel, 2 ** (number % dilation_cycle), attention)
            for number in range(layers)
        )
        self.skipped_out = nn.Linear(dim, dim)
        self.noise_out = nn.Linear(dim, columns)
        nn.init.zeros_(self.noise_out.weight)
        nn.init.zeros_(self.noise_out.bias)

    @property
    def fps(self) -> Fraction:
        """Frames per second of the motion."""
        return as_fps(self.config["fps"])

    @property
    def window_length(self) -> int:
        """Frames that are new in a sequence."""
        return self.config["max_length"] - self.config["overlap"]

    def moved(self, values: Tensor, first: Tensor) -> Tensor:
        """Values (..., T, D) as what the model makes of a first one (..., D): x0 = p - p0, normalized."""
        return (values - first[..., None, :]) / self._reach(values)

    def placed(self, moved: Tensor, first: Tensor) -> Tensor:
        """Values from what `moved` made of them (eq. 4)."""
        return moved * self._reach(moved) + first[..., None, :]

    def _reach(self, like: Tensor) -> Tensor:
        return torch.tensor(self.config["reach"]).to(like)

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        audio: Tensor,
        first: Tensor,
        has_first: Tensor,
        frame_mask: Tensor | None = None,
    ) -> Tensor:
        """The noise in poses, or poses without it.

        Args:
            sample: noisy, as `moved` has them, (B, T, D).
            timestep: (B,).
            audio: (B, T, A).
            first: p0, normalized, (B, D).
            has_first: which samples are told of it, (B,) bool.
            frame_mask: (B, T) bool, frames that there are; all by default.

        Returns:
            (B, T, D).
        """
        told = with_bit(first, has_first)[:, None].expand(-1, sample.shape[1], -1)
        condition = silu(self.condition_in(torch.cat([audio, told], -1)))  # c_t = a_t + p0, side by side
        step = self.step(timestep)
        x, skipped = silu(self.sample_in(sample)), torch.zeros_like(condition)
        for block in self.blocks:
            x, own = block(x, step, condition, frame_mask)
            skipped = skipped + own
        skipped = skipped / math.sqrt(max(1, len(self.blocks)))
        return self.noise_out(silu(self.skipped_out(skipped)))


def gohd_scheduler(prediction_type: str = "epsilon") -> DDIMScheduler:
    """The noise that the model learns: 150 steps, beta from 1e-4 to 0.05 as in DiffWave; any number of them may be
    taken.

    Args:
        prediction_type: of the denoisers.
    """
    return DDIMScheduler(
        num_train_timesteps=150,
        beta_start=1e-4,
        beta_end=0.05,
        beta_schedule="linear",
        prediction_type=prediction_type,  # pyright: ignore[reportArgumentType] (one of the literals)
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
    )
