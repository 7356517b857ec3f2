"""A whole video in memory, as a pipeline's call returns it."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import PIL.Image
import torch
from diffusers.utils.outputs import BaseOutput

from emo.errors import OutputError
from emo.generation.fingerprint import fingerprint
from emo.generation.origin import complete_origin
from emo.media import AudioTrack, VideoWriter

Self = TypeVar("Self", bound="VideoOutput")


@dataclass
class VideoOutput(BaseOutput):
    """A generated video.

    Attributes:
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

    @classmethod
    def collect(cls: type[Self], stream: Any) -> Self:
        """Generate all clips of a `Stream`, or of one that stands above streams."""
        frames = collect_frames(stream)
        origin = complete_origin(stream.origin, fingerprint(stream, stream.origin["seed"]))
        return cls(frames=frames, fps=stream.fps, audio=stream.audio, origin=origin)

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


def collect_frames(stream: Any) -> list[PIL.Image.Image] | np.ndarray | torch.Tensor:
    """All frames of a stream, from its start on: none, but of the same kind, where that is the video's end."""
    parts = [clip.frames for clip in stream] or [stream.no_frames()]
    if isinstance(parts[0], list):
        return [frame for part in parts for frame in part]
    return (torch.cat if isinstance(parts[0], torch.Tensor) else np.concatenate)(parts)


def _eight_bits(frame: PIL.Image.Image | np.ndarray | torch.Tensor) -> np.ndarray:
    """A frame of any `output_type` but latents as uint8 (H, W, 3)."""
    frame = frame.permute(1, 2, 0).cpu().numpy() if isinstance(frame, torch.Tensor) else np.asarray(frame)
    return frame if frame.dtype == np.uint8 else (frame * 255).round().astype(np.uint8)
