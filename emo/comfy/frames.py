"""IMAGE and AUDIO as a video file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from emo.comfy.fields import Input
from emo.comfy.hooks import stop_if_asked
from emo.comfy.values import FLOAT, eight_bits, track_of
from emo.media import SAMPLE_RATE, VideoWriter, as_fps

FPS: Input = (FLOAT, {"default": 25.0, "min": 1.0, "max": 240.0, "step": 0.01, "round": False})
"""The input of nodes that take frames."""

SEGMENT = 32  # frames that are encoded at a time


def write_frames(
    path: Path,
    frames: Tensor,
    fps: float,
    audio: Mapping[str, Any] | None = None,
    origin: Mapping[str, Any] | None = None,
) -> None:
    """Write IMAGE and AUDIO as a video."""
    with VideoWriter(path, as_fps(fps)) as writer:
        try:
            for some in frames.split(SEGMENT):
                stop_if_asked()
                writer.write(eight_bits(some))
            writer.finish(None if audio is None else track_of(audio, SAMPLE_RATE), origin)
        except BaseException:
            writer.discard()
            raise
