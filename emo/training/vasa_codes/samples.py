"""Pictures of faces and what they do, as encoders of motion learn from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.data import ClipReader
from emo.motion.space import CONTROLS


@dataclass(frozen=True)
class CodesBatch:
    """N pictures of B clips.

    Attributes:
        index: (B,) int64, sample numbers.
        pictures: (N, 3, S, S) uint8.
        controls: of each, in the columns of `CONTROLS`, (N, 14).
        clips: B names, for messages.
    """

    index: Tensor
    pictures: Tensor
    controls: Tensor
    clips: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.index)

    @staticmethod
    def collate(samples: Sequence["CodesBatch"]) -> "CodesBatch":
        """One batch of several."""
        return CodesBatch(
            torch.cat([sample.index for sample in samples]),
            torch.cat([sample.pictures for sample in samples]),
            torch.cat([sample.controls for sample in samples]),
            tuple(clip for sample in samples for clip in sample.clips),
        )

    def to(self, device: torch.device | str) -> "CodesBatch":
        """The same on another device."""
        return CodesBatch(self.index.to(device), self.pictures.to(device), self.controls.to(device), self.clips)


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
        labels = reader.labels(number)
        controls = np.stack([labels[name][places] for name in CONTROLS.names], 1)
        return CodesBatch(
            index=torch.tensor([index]),
            pictures=reader.frames(number, places),
            controls=torch.from_numpy(controls).float(),
            clips=(f"{clip.split}/{clip.file_name}",),
        )
