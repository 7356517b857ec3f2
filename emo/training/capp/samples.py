"""Windows of a head's turning and of its sound, as CAPP learns from them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.data import CachedFeature, ClipReader
from emo.data.sample_batch import SampleBatch
from emo.metrics.capp import mel_frames
from emo.training.clips import clip_angles

SOUND = "sound"


@dataclass(frozen=True)
class CAPPBatch(SampleBatch):
    """B windows of N frames.

    Attributes:
        index: (B,) int64, sample numbers.
        changes: degrees by which yaw, pitch and roll change from the frame before, (B, N, 3).
        sound: features of the same frames, (B, N, A).
        clips: B names, for messages.
    """

    changes: Tensor
    sound: Tensor
    clips: tuple[str, ...]


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
