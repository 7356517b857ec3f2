"""Pieces of clips, motion with sound, as all of GoHD's networks of motion learn from them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from emo.data import ClipReader
from emo.data.sample_batch import SampleBatch
from emo.training.clips import clip_audio, clip_controls


@dataclass(frozen=True)
class PieceBatch(SampleBatch):
    """B pieces of up to T frames, with zeros after the shorter ones.

    Attributes:
        index: (B,) int64, sample numbers.
        motion: named controls, (B, T, 14).
        audio: features, (B, T, A).
        frame_mask: (B, T) bool, frames that there are.
        names: of the clips, for messages.
    """

    motion: Tensor
    audio: Tensor
    frame_mask: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True)
class PieceSampler:
    """Draws a piece of any length anywhere in a clip; see `emo.data.ClipSampler`.

    Attributes:
        min_frames: of a piece, where its clip has so many.
        max_frames: T.
        motion: from a reader and the number of a clip what is learned of it, (frames, 14); its own by default.
    """

    min_frames: int
    max_frames: int
    motion: Callable[[ClipReader, int], Tensor] = clip_controls

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator) -> PieceBatch:
        """Sample `index`, of clip `number`."""
        clip = reader.clips[number]
        longest = min(self.max_frames, clip.frames)
        length = int(rng.integers(min(self.min_frames, longest), longest + 1))
        start = int(rng.integers(clip.frames - length + 1))
        piece, after = slice(start, start + length), (0, 0, 0, self.max_frames - length)
        return PieceBatch(
            index=torch.tensor([index]),
            motion=pad(self.motion(reader, number)[None, piece], after),
            audio=pad(clip_audio(reader, number)[None, piece], after),
            frame_mask=(torch.arange(self.max_frames) < length)[None],
            names=(f"{clip.split}/{clip.file_name} from frame {start}",),
        )
