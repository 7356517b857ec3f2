"""What a training step sees: samples of the three stages as one frozen dataclass."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from emo.data.sample_batch import SampleBatch


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
class Batch(SampleBatch):
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
