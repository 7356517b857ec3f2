"""Clips, in which a video comes, and the state from which the next one goes on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from emo.face import Portrait
from emo.generation.finite import FiniteCheck
from emo.generation.frames import each_frame, finish_frames


@dataclass(frozen=True)
class ClipState:
    """All that the next clip needs of the ones before it: continuing from it equals never having stopped.

    Attributes:
        next_clip: index of the clip to generate next.
        tensors: what the model goes on from, by its own names, on the CPU; empty before the first clip.
        generator_state: state of the random generator, uint8, or None where there is no generator.
    """

    next_clip: int
    tensors: Mapping[str, torch.Tensor]
    generator_state: torch.Tensor | None


@dataclass(frozen=True)
class DenoisedClip:
    """A clip that is yet to be decoded.

    Attributes:
        latents: (n, L, h, w).
        index: which one.
        state: after it.
        check: of its numbers.
    """

    latents: torch.Tensor
    index: int
    state: ClipState
    check: FiniteCheck


@dataclass(frozen=True)
class Clip:
    """One clip of a stream.

    Attributes:
        pictures: (n, 3, H, W), about -1 to 1 or uint8; or latents, of a system of motion the motion (n, D).
        output_type, paste_into: what becomes of them; see `finish_frames`.
        index, num_clips: which clip of how many; None where the sound's end is not known.
        state: where to resume after this clip.
    """

    pictures: torch.Tensor = field(repr=False)
    output_type: str
    paste_into: Portrait | None = field(repr=False)
    index: int
    num_clips: int | None
    state: ClipState = field(repr=False)

    def __len__(self) -> int:
        return len(self.pictures)

    @cached_property
    def frames(self) -> Any:
        """As in `VideoOutput`, the clip's own (F of them; fewer in the last clip)."""
        return finish_frames(self.pictures, self.output_type, self.paste_into)

    def each(self) -> Iterator[np.ndarray]:
        """The frames as uint8 (H, W, 3), made one by one: for `VideoWriter.write`, of full pictures above all."""
        assert self.output_type != "latent"
        return each_frame(self.pictures, self.paste_into)
