"""What the pipeline returns and yields."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.utils import BaseOutput

from emo.errors import OutputError
from emo.face import Portrait
from emo.media import AudioTrack, VideoWriter


@dataclass
class EMOPipelineOutput(BaseOutput):
    """A generated video.

    frames: the T frames of the one video, by `output_type`: list of PIL images, array (T, H, W, 3) or tensor
        (T, 3, H, W) in [0, 1], array uint8 (T, H, W, 3), or latents (T, L, h, w).
    fps: frames per second.
    audio: the recording.
    origin: what made it and how; a saved video carries it. See `emo.pipelines.origin`.
    """

    frames: Any
    fps: Fraction
    audio: AudioTrack
    origin: dict[str, Any]

    def save(self, path: str | Path) -> None:
        """Write frames and sound as .mp4 or .mov, with the origin in its metadata.

        Raises:
            OutputError: the file cannot be written, or the frames are latents.
        """
        if isinstance(self.frames, torch.Tensor):
            if self.frames.shape[1] != 3:
                raise OutputError(f"{path}: latents are no pictures; choose another output_type than 'latent'")
            frames = self.frames.permute(0, 2, 3, 1).cpu().numpy()
        else:
            frames = np.stack([np.asarray(frame) for frame in self.frames])
        if frames.dtype != np.uint8:
            frames = (frames * 255).round().astype(np.uint8)
        with VideoWriter(path, self.fps) as writer:
            try:
                writer.write(frames)
                writer.finish(self.audio, self.origin)
            except BaseException:
                writer.discard()
                raise


@dataclass(frozen=True)
class ClipState:
    """All that the next clip needs of the ones before it: continuing from it equals never having stopped.

    next_clip: index of the clip to generate next.
    motion_latents: the last n generated latents (1, n, L, h, w), float32 on the CPU.
    generator_state: state of the random generator, uint8, or `None` where there is no generator.
    noise: what the clip before started from, (1, F, L, h, w), float32 on the CPU; `None` before the first.
    """

    next_clip: int
    motion_latents: torch.Tensor
    generator_state: torch.Tensor | None
    noise: torch.Tensor | None = None


@dataclass(frozen=True)
class EMOClip:
    """One clip of a stream.

    frames: as in `EMOPipelineOutput`, the clip's own (F of them; fewer in the last clip).
    index, num_clips: which clip of how many.
    state: where to resume after this clip.
    """

    frames: Any
    index: int
    num_clips: int
    state: ClipState


@dataclass(frozen=True)
class EMOStream:
    """A checked request for a video; iterating over it generates the clips in order, the same each time.

    portrait: the cropped picture, its mask, and the way back into the full picture.
    audio: the recording, decoded.
    fps, num_frames, num_clips: what will be generated.
    speed: head rotation (1, T) in degrees per frame, or `None`.
    start: the state before the first clip to generate.
    origin: what makes it and how, as far as known before any work.
    The other fields are `EMOPipeline.stream`'s arguments.
    """

    generate: Callable[["EMOStream"], Iterator[EMOClip]]
    portrait: Portrait
    audio: AudioTrack
    fps: Fraction
    num_frames: int
    num_clips: int
    num_inference_steps: int
    audio_guidance_scale: float
    reference_guidance_scale: float
    noise_correlation: float
    noise_mirroring: float
    eta: float
    speed: torch.Tensor | None
    paste_back: bool
    generator: torch.Generator | None
    output_type: str
    callback: Callable[..., dict | None] | None
    callback_tensors: tuple[str, ...]
    start: ClipState
    origin: dict[str, Any]

    def __iter__(self) -> Iterator[EMOClip]:
        return self.generate(self)
