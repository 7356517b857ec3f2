"""Sequences of motion latents with their sound and poses, as GAIA's speech-to-motion model learns from them (4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from emo.data import ClipReader
from emo.data.samples.motion_latents import LATENTS
from emo.motion import MotionSpace
from emo.motion.gaia.speech import POSE
from emo.training.clips import clip_audio


@dataclass(frozen=True)
class SequenceBatch:
    """B sequences of up to N frames.

    Attributes:
        index: (B,) int64, sample numbers.
        motion: normalized latents, (B, N, D).
        audio: features, (B, N, A).
        pose: normalized yaw, pitch and roll, (B, N, 3).
        reference: normalized latents of another frame of each clip, (B, D).
        frame_mask: (B, N) bool, frames that there are.
        names: of the clips, for messages.
    """

    index: Tensor
    motion: Tensor
    audio: Tensor
    pose: Tensor
    reference: Tensor
    frame_mask: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.index)

    @staticmethod
    def collate(samples: Sequence["SequenceBatch"]) -> "SequenceBatch":
        """One batch of several, as long as the longest."""
        length = max(sample.motion.shape[1] for sample in samples)

        def filled(name: str) -> Tensor:
            values = [getattr(sample, name) for sample in samples]
            return torch.cat([pad(v, (*[0, 0] * (v.ndim - 2), 0, length - v.shape[1])) for v in values])

        return SequenceBatch(
            index=torch.cat([sample.index for sample in samples]),
            motion=filled("motion"),
            audio=filled("audio"),
            pose=filled("pose"),
            reference=torch.cat([sample.reference for sample in samples]),
            frame_mask=filled("frame_mask"),
            names=tuple(name for sample in samples for name in sample.names),
        )

    def to(self, device: torch.device | str) -> "SequenceBatch":
        """The same on another device."""
        values = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **{name: value.to(device) for name, value in values.items()})


def clip_latents(reader: ClipReader, number: int) -> Tensor:
    """All of a clip's motion latents from the cache, (T, D)."""
    return reader.cached(number, [LATENTS])[LATENTS]


def clip_pose(reader: ClipReader, number: int) -> Tensor:
    """A clip's yaw, pitch and roll in degrees, (T, 3).

    Raises:
        DatasetError: the labels are damaged.
    """
    labels = reader.labels(number)
    return torch.from_numpy(np.stack([labels[name] for name in POSE], 1)).float()


@dataclass(frozen=True)
class SequenceDrawer:
    """Draws a sequence anywhere in a clip, of any length (4.2); see `emo.data.ClipSampler`.

    Attributes:
        space: normalizes the latents.
        pose_space: normalizes the poses.
        min_frames: of a sequence, where its clip has so many.
        max_frames: of a sequence.
    """

    space: MotionSpace
    pose_space: MotionSpace
    min_frames: int
    max_frames: int

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator) -> SequenceBatch:
        """Sample `index`, of clip `number`."""
        clip = reader.clips[number]
        longest = min(self.max_frames, clip.frames)
        length = int(rng.integers(min(self.min_frames, longest), longest + 1))
        start = int(rng.integers(clip.frames - length + 1))
        piece = slice(start, start + length)
        motion = self.space.normalize(clip_latents(reader, number))
        return SequenceBatch(
            index=torch.tensor([index]),
            motion=motion[None, piece],
            audio=clip_audio(reader, number)[None, piece],
            pose=self.pose_space.normalize(clip_pose(reader, number))[None, piece],
            reference=motion[int(rng.integers(clip.frames))][None],
            frame_mask=torch.ones(1, length, dtype=torch.bool),
            names=(f"{clip.split}/{clip.file_name} from frame {start}",),
        )
