"""Pictures of faces and what they do, as encoders of motion learn from them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.data import ClipReader
from emo.data.sample_batch import SampleBatch
from emo.training.clips import clip_controls


@dataclass(frozen=True)
class CodesBatch(SampleBatch):
    """N pictures of B clips.

    Attributes:
        index: (B,) int64, sample numbers.
        pictures: (N, 3, S, S) uint8.
        controls: of each, in the columns of `CONTROLS`, (N, 14).
        clips: B names, for messages.
    """

    pictures: Tensor
    controls: Tensor
    clips: tuple[str, ...]


@dataclass(frozen=True)
class CodesSampler:
    """Draws pictures anywhere in a clip; see `emo.data.ClipSampler`.

    Attributes:
        frames: of a clip, at most as many as it has.
    """

    frames: int

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator) -> CodesBatch:
        """Sample `index`, of clip `number`."""
        clip = reader.clips[number]
        places = np.sort(rng.choice(clip.frames, min(self.frames, clip.frames), replace=False)).tolist()
        return CodesBatch(
            index=torch.tensor([index]),
            pictures=reader.frames(number, places),
            controls=clip_controls(reader, number)[places],
            clips=(f"{clip.split}/{clip.file_name}",),
        )
