"""What the pipeline returns and yields."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from diffusers.utils import BaseOutput

from emo.errors import OutputError
from emo.face import Portrait
from emo.generation.frames import each_frame, finish_frames
from emo.media import AudioTrack, VideoWriter


@dataclass
class EMOPipelineOutput(BaseOutput):
    """A generated video.

    frames: the T frames of the one video, by `output_type`: list of PIL images, array (T, H, W, 3) or tensor
        (T, 3, H, W) in [0, 1], array uint8 (T, H, W, 3), or latents (T, L, h, w).
    fps: frames per second.
    audio: the recording.
    origin: what made it and how; a saved video carries it. See `emo.generation.origin`.
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
        if isinstance(self.frames, torch.Tensor) and self.frames.shape[1] != 3:
            raise OutputError(f"{path}: latents are no pictures; choose another output_type than 'latent'")
        with VideoWriter(path, self.fps) as writer:
            try:
                writer.write(map(_eight_bits, self.frames))
                writer.finish(self.audio, self.origin)
            except BaseException:
                writer.discard()
                raise


def _eight_bits(frame: PIL.Image.Image | np.ndarray | torch.Tensor) -> np.ndarray:
    """A frame of any `output_type` but latents as uint8 (H, W, 3)."""
    frame = frame.permute(1, 2, 0).cpu().numpy() if isinstance(frame, torch.Tensor) else np.asarray(frame)
    return frame if frame.dtype == np.uint8 else (frame * 255).round().astype(np.uint8)


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

    pictures: what the autoencoder gave, (n, 3, H, W) in [−1, 1], or latents.
    output_type, paste_into: what becomes of them; see `finish_frames`.
    index, num_clips: which clip of how many.
    state: where to resume after this clip.
    """

    pictures: torch.Tensor = field(repr=False)
    output_type: str
    paste_into: Portrait | None = field(repr=False)
    index: int
    num_clips: int
    state: ClipState = field(repr=False)

    def __len__(self) -> int:
        return len(self.pictures)

    @cached_property
    def frames(self) -> Any:
        """As in `EMOPipelineOutput`, the clip's own (F of them; fewer in the last clip)."""
        return finish_frames(self.pictures, self.output_type, self.paste_into)

    def each(self) -> Iterator[np.ndarray]:
        """The frames as uint8 (H, W, 3), made one by one: for `VideoWriter.write`, of full pictures above all."""
        assert self.output_type != "latent"
        return each_frame(self.pictures, self.paste_into)


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

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the frames."""
        return (self.portrait.picture if self.paste_back else self.portrait.image).shape[:2]

    def __iter__(self) -> Iterator[EMOClip]:
        return self.generate(self)
