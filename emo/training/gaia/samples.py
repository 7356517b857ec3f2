"""Sequences of motion latents with their sound and poses, as GAIA's speech-to-motion model learns from them (4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from emo.data import ClipReader
from emo.data.sample_batch import SampleBatch
from emo.data.samples.motion_latents import LATENTS
from emo.motion import MotionSpace
from emo.training.clips import clip_angles, clip_audio


@dataclass(frozen=True)
class SequenceBatch(SampleBatch):
    """B sequences of up to N frames.

    Attributes:
        index: (B,) int64, sample numbers.
        motion: normalized latents, or landmarks, (B, N, D).
        audio: features, (B, N, A).
        pose: normalized yaw, pitch and roll, (B, N, 3).
        reference: the same of another frame of each clip, (B, D).
        frame_mask: (B, N) bool, frames that there are.
        names: of the clips, for messages.
    """

    motion: Tensor
    audio: Tensor
    pose: Tensor
    reference: Tensor
    frame_mask: Tensor
    names: tuple[str, ...]

    @classmethod
    def collate(cls, samples: Sequence["SequenceBatch"]) -> "SequenceBatch":
        """One batch of several, as long as the longest."""
        length = max(sample.motion.shape[1] for sample in samples)

        def filled(values: Tensor) -> Tensor:
            return pad(values, (*[0, 0] * (values.ndim - 2), 0, length - values.shape[1]))

        of_frames = ("motion", "audio", "pose", "frame_mask")
        long: list[Any] = [
            replace(sample, **{name: filled(getattr(sample, name)) for name in of_frames}) for sample in samples
        ]
        return super().collate(long)


def clip_motion(reader: ClipReader, number: int, feature: str = LATENTS) -> Tensor:
    """All of a clip's motion from the cache, (T, D): latents by default, or another feature of that name."""
    return reader.cached(number, [feature])[feature]


@dataclass(frozen=True)
class SequenceDrawer:
    """Draws a sequence anywhere in a clip, of any length (4.2); see `emo.data.ClipSampler`.

    Attributes:
        space: normalizes the motion.
        pose_space: normalizes the poses.
        min_frames: of a sequence, where its clip has so many.
        max_frames: of a sequence.
        feature: name of the motion in the cache.
    """

    space: MotionSpace
    pose_space: MotionSpace
    min_frames: int
    max_frames: int
    feature: str = LATENTS

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator) -> SequenceBatch:
        """Sample `index`, of clip `number`."""
        clip = reader.clips[number]
        longest = min(self.max_frames, clip.frames)
        length = int(rng.integers(min(self.min_frames, longest), longest + 1))
        start = self.start(rng, clip.frames, length)
        piece = slice(start, start + length)
        motion = self.space.normalize(clip_motion(reader, number, self.feature))
        return SequenceBatch(
            index=torch.tensor([index]),
            motion=motion[None, piece],
            audio=clip_audio(reader, number)[None, piece],
            pose=self.pose_space.normalize(clip_angles(reader, number))[None, piece],
            reference=motion[int(rng.integers(clip.frames))][None],
            frame_mask=torch.ones(1, length, dtype=torch.bool),
            names=(f"{clip.split}/{clip.file_name} from frame {start}",),
        )

    def start(self, rng: np.random.Generator, frames: int, length: int) -> int:
        """The first frame of a sequence of a clip."""
        return int(rng.integers(frames - length + 1))
