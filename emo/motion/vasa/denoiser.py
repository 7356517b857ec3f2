"""VASA-1's holistic motion: all that a face and head do, by one diffusion Transformer (3.2)."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import pad

from emo.errors import ConfigError
from emo.media import as_fps
from emo.motion.blocks import StepEmbedding, TransformerBlock, with_bit
from emo.motion.space import MotionSpace

CONDITIONS = ("audio", "gaze", "distance", "emotion", "previous")
"""What a sample may go without. `previous` is X_pre with A_pre, the motion and the sound before the window."""

TOKENS = 4  # before the frames: the step, gaze, distance, emotion


class HolisticMotionTransformer(ModelMixin, ConfigMixin):
    """The denoiser H of 3.2: an encoder over four tokens, K frames before the window and its W frames, predicting x0.

    A condition that is dropped is zero with a bit of zero beside it, a kept one its value with a bit of one: zero is a
    legal direction, distance offset and emotion. Every frame's token is the sum of its motion's and its sound's
    projections, which is one projection of both side by side: motion and sound of a moment belong together, and
    attention is left to what is apart in time.

    Args:
        space: of the motion, D columns, as `MotionSpace.to_dict` has it; inputs and outputs are normalized by it.
        audio_dim: A, of a frame's sound: all hidden states of the audio encoder in a row.
        emotions: names of the E emotions, each from 0 to 1; none of them is neutral.
        fps: frames per second of the motion, exact.
        distance_mean: of the camera's distance over the training videos.
        distance_deviation: of the same, above 0.
        window_length: W.
        prefix_length: K, from 1 to W.
        dim: of the Transformer.
        layers: of the Transformer.
        heads: of its attention.

    Raises:
        ConfigError: the frames before a window are none, or more than a window's.
    """

    @register_to_config
    def __init__(
        self,
        *,
        space: Mapping[str, Any],
        audio_dim: int,
        emotions: Sequence[str],
        fps: str = "25",
        distance_mean: float = 1.0,
        distance_deviation: float = 1.0,
        window_length: int = 50,
        prefix_length: int = 10,
        dim: int = 512,
        layers: int = 8,
        heads: int = 8,
    ):
        super().__init__()
        if not 1 <= prefix_length <= window_length:
            raise ConfigError(f"{prefix_length} frames before a window of {window_length}: give 1 to {window_length}")
        self.space = MotionSpace.from_dict(space)
        columns = len(self.space)
        self.step = StepEmbedding(dim)
        self.gaze_in = nn.Linear(2 + 1, dim)
        self.distance_in = nn.Linear(1 + 1, dim)
        self.emotion_in = nn.Linear(len(emotions) + 1, dim)
        self.audio_in = nn.Linear(audio_dim + 1, dim)
        self.previous_in = nn.Linear(columns + 1, dim)
        self.sample_in = nn.Linear(columns, dim)
        self.kinds = nn.Embedding(TOKENS + 2, dim)  # of tokens: each of the four, frames before, frames within
        self.blocks = nn.ModuleList([TransformerBlock(dim, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(dim)
        self.motion_out = nn.Linear(dim, columns)

    @property
    def fps(self) -> Fraction:
        """Frames per second of the motion."""
        return as_fps(self.config["fps"])

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        audio: Tensor,
        previous: Tensor,
        gaze: Tensor,
        distance: Tensor,
        emotion: Tensor,
        kept: Mapping[str, Tensor],
        frame_mask: Tensor | None = None,
    ) -> Tensor:
        """X0 of noisy motion.

        Args:
            sample: X_t (B, W, D).
            timestep: t, (B,).
            audio: A_pre and A, (B, K+W, A).
            previous: X_pre (B, K, D).
            gaze: g, (B, 2), in the units of the controls `gaze_x` and `gaze_y`.
            distance: d, (B, 1), as labels have it.
            emotion: e, (B, E).
            kept: for each of `CONDITIONS` whether samples have it, (B,) bool.
            frame_mask: (B, W) bool, frames that there are; all by default. Others are attended to by none.

        Returns:
            (B, W, D).
        """
        before, within = previous.shape[1], sample.shape[1]
        nearness = (distance - self.config["distance_mean"]) / self.config["distance_deviation"]
        tokens = [
            self.step(timestep),
            self.gaze_in(with_bit(gaze, kept["gaze"])),
            self.distance_in(with_bit(nearness, kept["distance"])),
            self.emotion_in(with_bit(emotion, kept["emotion"])),
        ]
        motion = [self.previous_in(with_bit(previous, kept["previous"])), self.sample_in(sample)]
        sound = [with_bit(audio[:, :before], kept["previous"]), with_bit(audio[:, before:], kept["audio"])]
        frames = torch.cat(motion, 1) + self.audio_in(torch.cat(sound, 1))
        kinds = [*range(TOKENS), *[TOKENS] * before, *[TOKENS + 1] * within]
        x = torch.cat([torch.stack(tokens, 1), frames], 1) + self.kinds(torch.tensor(kinds, device=sample.device))
        mask = None if frame_mask is None else pad(frame_mask, (TOKENS + before, 0), value=True)
        for block in self.blocks:
            x = block(x, mask)
        return self.motion_out(self.norm(x[:, -within:]))
