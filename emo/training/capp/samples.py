"""Windows of a head's turning and of its sound, as CAPP learns from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.data import CachedFeature, ClipReader
from emo.metrics.capp import mel_frames
from emo.motion.reading import ANGLES

SOUND = "sound"


@dataclass(frozen=True)
class CAPPBatch:
    """B windows of N frames.

    Attributes:
        index: (B,) int64, sample numbers.
        changes: degrees by which yaw, pitch and roll change from the frame before, (B, N, 3).
        sound: features of the same frames, (B, N, A).
        clips: B names, for messages.
    """

    index: Tensor
    changes: Tensor
    sound: Tensor
    clips: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.index)

    @staticmethod
    def collate(samples: Sequence["CAPPBatch"]) -> "CAPPBatch":
        """One batch of several."""
        return CAPPBatch(
            torch.cat([sample.index for sample in samples]),
            torch.cat([sample.changes for sample in samples]),
            torch.cat([sample.sound for sample in samples]),
            tuple(clip for sample in samples for clip in sample.clips),
        )

    def to(self, device: torch.device | str) -> "CAPPBatch":
        """The same on another device."""
        return CAPPBatch(self.index.to(device), self.changes.to(device), self.sound.to(device), self.clips)


@dataclass(frozen=True)
class CAPPSampler:
    """Draws a window anywhere in a clip; see `emo.data.ClipSampler`.

    Attributes:
        frames: N.
    """

    frames: int

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator) -> CAPPBatch:
        """Sample `index`, of clip `number`."""
        clip = reader.clips[number]
        start = 1 + int(rng.integers(clip.frames - self.frames))
        return CAPPBatch(
            index=torch.tensor([index]),
            changes=clip_angles(reader, number)[start - 1 : start + self.frames].diff(dim=0)[None],
            sound=clip_sound(reader, number)[None, start : start + self.frames],
            clips=(f"{clip.split}/{clip.file_name} from frame {start}",),
        )


def clip_angles(reader: ClipReader, number: int) -> Tensor:
    """A clip's yaw, pitch and roll, (T, 3).

    Raises:
        DatasetError: the labels are damaged.
    """
    labels = reader.labels(number)
    return torch.from_numpy(np.stack([labels[name] for name in ANGLES], 1)).float()


def clip_sound(reader: ClipReader, number: int) -> Tensor:
    """A clip's sound from the cache, (T, A)."""
    return reader.cached(number, [SOUND])[SOUND].flatten(1).float()


def mel_feature() -> CachedFeature:
    """Log-mel bands at every frame, (T, A) float16."""
    return CachedFeature({}, _mel)


def _mel(reader: ClipReader, number: int) -> Tensor | None:
    clip = reader.clips[number]
    if not clip.has_audio:
        return None
    return torch.from_numpy(mel_frames(reader.waveform(number).numpy(), clip.frames)).half()
