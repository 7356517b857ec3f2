"""What a training step sees: samples of the three stages as one frozen dataclass."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Sound(NamedTuple):
    """A clip's whole sound, and which of the clip's frames the sample's F frames are.

    Attributes:
        waveform: (N,) float32 mono.
        sampling_rate: in Hz.
        fps: of the clip.
        num_frames: frames of the clip.
        start: the first of the F frames.
    """

    waveform: Tensor
    sampling_rate: int
    fps: float
    num_frames: int
    start: int


@dataclass(frozen=True)
class Batch:
    """B samples. A sample is one clip's reference picture and N frames: stage 1's targets, or n + F, motion frames
    first, in stages 2 and 3.

    Attributes:
        index: (B,) int64, global sample numbers: with the seed, all that a sample and its noise depend on.
        reference: uint8 (B, 3, H, W) RGB; None where latents are cached.
        frames: uint8 (B, N, 3, H, W) RGB; None where latents are cached.
        reference_latents: (B, L, h, w), the VAE's, scaled as the scheduler wants them; None where they are not cached.
        latents: (B, N, L, h, w), as the reference's.
        face_mask: (B, 1, H, W) float32, M of 3.2.5: the union of the face boxes over a part of the clip that shows
            them.
        mouth: (B, N, 3) float32: x, y of the mouth's middle and its width in pixels.
        eyes: (B, N, 2, 3) float32: x, y of each eye's middle and their distance in pixels.
        speed: (B, F, 2m+1) float32, windows of head rotation speeds in degrees per frame (3.2.5); None in stage 1.
        audio: (B, F, 2m+1, layers, width), windows of the audio encoder's hidden states (3.2.2); None in stage 1 and
            where they are not cached.
        sound: one `Sound` per sample to compute `audio` from; None in stage 1 and where `audio` is cached.
        clips: B names of clips, for messages.
    """

    index: Tensor
    reference: Tensor | None
    frames: Tensor | None
    reference_latents: Tensor | None
    latents: Tensor | None
    face_mask: Tensor
    mouth: Tensor
    eyes: Tensor
    speed: Tensor | None
    audio: Tensor | None
    sound: tuple[Sound, ...] | None
    clips: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.index)

    @staticmethod
    def collate(samples: Sequence["Batch"]) -> "Batch":
        """One batch of several, each usually of one sample."""
        joined: dict[str, Any] = {
            field.name: _join([getattr(sample, field.name) for sample in samples]) for field in fields(Batch)
        }
        return Batch(**joined)

    def to(self, device: torch.device | str) -> "Batch":
        """The same with all tensors but the sounds on another device."""
        tensors: dict[str, Any] = {
            name: tensor.to(device, non_blocking=True) for name, tensor in self._tensors().items()
        }
        return replace(self, **tensors)

    def pin_memory(self) -> "Batch":
        """For `DataLoader(pin_memory=True)`."""
        tensors: dict[str, Any] = {name: tensor.pin_memory() for name, tensor in self._tensors().items()}
        return replace(self, **tensors)

    def _tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}


def _join(values: list) -> Any:
    first = values[0]
    if first is None:
        return None
    return torch.cat(values) if isinstance(first, Tensor) else tuple(item for value in values for item in value)
