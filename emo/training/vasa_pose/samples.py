"""Pictures of faces and how their heads are posed, as the pose encoder learns from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.data import ClipReader
from emo.motion.vasa.volume import POSE


@dataclass(frozen=True)
class PoseBatch:
    """N pictures of B clips.

    Attributes:
        index: (B,) int64, sample numbers.
        pictures: (N, 3, S, S) uint8.
        pose: `emo.motion.vasa.volume.POSE` of each, (N, 6).
        clips: B names, for messages.
    """

    index: Tensor
    pictures: Tensor
    pose: Tensor
    clips: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.index)

    @staticmethod
    def collate(samples: Sequence["PoseBatch"]) -> "PoseBatch":
        """One batch of several."""
        return PoseBatch(
            torch.cat([sample.index for sample in samples]),
            torch.cat([sample.pictures for sample in samples]),
            torch.cat([sample.pose for sample in samples]),
            tuple(clip for sample in samples for clip in sample.clips),
        )

    def to(self, device: torch.device | str) -> "PoseBatch":
        """The same on another device."""
        return PoseBatch(self.index.to(device), self.pictures.to(device), self.pose.to(device), self.clips)


@dataclass(frozen=True)
class PoseSampler:
    """Draws pictures anywhere in a clip; see `emo.data.ClipSampler`.

    Attributes:
        frames: of a clip, at most as many as it has.
    """

    frames: int

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator) -> PoseBatch:
        """Sample `index`, of clip `number`."""
        clip = reader.clips[number]
        places = np.sort(rng.choice(clip.frames, min(self.frames, clip.frames), replace=False)).tolist()
        labels = reader.labels(number)
        pose = np.stack([labels[name][places] for name in POSE], 1)
        return PoseBatch(
            index=torch.tensor([index]),
            pictures=reader.frames(number, places),
            pose=torch.from_numpy(pose).float(),
            clips=(f"{clip.split}/{clip.file_name}",),
        )
