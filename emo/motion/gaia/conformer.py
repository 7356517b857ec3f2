"""GAIA's speech-to-motion model: latents of a face's motion, diffused by a Conformer (4.2)."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from emo.errors import ConfigError
from emo.media import as_fps
from emo.motion.blocks import ConformerBlock, StepEmbedding
from emo.motion.space import MotionSpace

SPEECH = ("add", "attend")


class MotionConformer(ModelMixin, ConfigMixin):
    """The denoiser S of 4.2, predicting x0 of all frames at once.

    Into every block goes what the last one made of the frames, plus the step's embedding, plus the frame's speech; in
    every block frames attend to the reference's latent, taken apart into tokens of its places.

    Args:
        space: of the motion, D columns, as `MotionSpace.to_dict` has it; inputs and outputs are normalized by it.
        token_channels: c, of a token of the reference: columns are c maps in a row, each of D / c places.
        speech_dim: of what `SpeechEncoder` makes of a frame.
        fps: frames per second of the motion, exact.
        max_length: most frames of a sequence; longer motions are made of several.
        overlap: frames that a sequence shares with the one before, below `max_length`; not the paper's, which has but
            one sequence.
        dim: of the Conformer.
        layers: blocks.
        heads: of the attentions.
        kernel: frames that a block's convolution sees, odd.
        convolution: whether blocks have one; without it they are a Transformer's (the paper's ablation).
        speech: `add`, to the input of every block, or `attend`: frames look for it among all moments of the sequence,
            beside the reference's tokens, by a place that both are told (the paper's ablation).

    Raises:
        ConfigError: the columns are no maps, sequences overlap as a whole, or speech is to come in another way.
    """

    @register_to_config
    def __init__(
        self,
        *,
        space: Mapping[str, Any],
        token_channels: int = 3,
        speech_dim: int = 512,
        fps: str = "25",
        max_length: int = 250,
        overlap: int = 125,
        dim: int = 512,
        layers: int = 6,
        heads: int = 8,
        kernel: int = 31,
        convolution: bool = True,
        speech: str = "add",
    ):
        super().__init__()
        if not 0 <= overlap < max_length:
            raise ConfigError(f"sequences of {max_length} frames cannot share {overlap}: give 0 to {max_length - 1}")
        self.space = MotionSpace.from_dict(space)
        columns = len(self.space)
        if columns % token_channels:
            raise ConfigError(f"a motion of {columns} columns is no {token_channels} maps")
        if speech not in SPEECH:
            raise ConfigError(f"speech is {speech!r}; give {' or '.join(SPEECH)}")
        self.step = StepEmbedding(dim)
        self.sample_in = nn.Linear(columns, dim)
        self.speech_in = nn.Linear(speech_dim, dim)
        self.token_in = nn.Linear(token_channels, dim)
        self.places = nn.Embedding(columns // token_channels, dim)
        self.no_reference = nn.Parameter(torch.zeros(dim))
        self.place = StepEmbedding(dim) if speech == "attend" else None
        self.blocks = nn.ModuleList(
            [ConformerBlock(dim, heads, kernel, context_dim=dim, convolution=convolution) for _ in range(layers)]
        )
        self.motion_out = nn.Linear(dim, columns)

    @property
    def fps(self) -> Fraction:
        """Frames per second of the motion."""
        return as_fps(self.config["fps"])

    @property
    def window_length(self) -> int:
        """Frames that are new in a sequence, N - O."""
        return self.config["max_length"] - self.config["overlap"]

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        speech: Tensor,
        reference: Tensor,
        has_reference: Tensor | None = None,
        frame_mask: Tensor | None = None,
    ) -> Tensor:
        """Z0 of noisy motion.

        Args:
            sample: z_t, (B, N, D).
            timestep: t, (B,).
            speech: with the head's pose, (B, N, speech_dim).
            reference: z_m(i), (B, D).
            has_reference: (B,) bool, all by default; others are without one.
            frame_mask: (B, N) bool, frames that there are; all by default. Others are seen by none.

        Returns:
            (B, N, D).
        """
        step, speech = self.step(timestep)[:, None], self.speech_in(speech)
        tokens = reference.unflatten(1, (self.config["token_channels"], -1)).mT
        context = self.token_in(tokens) + self.places.weight
        if has_reference is not None:
            context = torch.where(has_reference[:, None, None], context, self.no_reference)
        x, added = self.sample_in(sample), step + speech
        if self.place is not None:
            places = self.place(torch.arange(sample.shape[1], device=sample.device))
            heard = speech + places if frame_mask is None else (speech + places) * frame_mask[..., None]
            x, added = x + places, step
            context = torch.cat([context, heard], dim=1)
        for block in self.blocks:
            x = block(x + added, frame_mask, context)
        return self.motion_out(x)
