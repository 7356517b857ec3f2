"""The videos that a report is made on: a model's, kept, and not made again while they are what would be made."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emo.errors import VideoError
from emo.evaluation.seeds import noise_seed
from emo.generation import fingerprint, write_video
from emo.generation.stream import Stream
from emo.hub import load_pipeline
from emo.media import SAMPLE_RATE, read_origin


@dataclass(frozen=True)
class ModelSettings:
    """How videos are generated.

    Attributes:
        model: folder or Hub name.
        options: those of the model's system that are not its defaults.
        seed: of the run.
        device, dtype: where, and in which precision.
    """

    model: str
    options: Mapping[str, Any]
    seed: int
    device: str
    dtype: str


class ModelVideos:
    """Makes a model's videos. It may be sent to another process; the loaded model stays behind.

    Args:
        settings: of all videos.
    """

    def __init__(self, settings: ModelSettings):
        self.settings = settings

    def __getstate__(self) -> dict[str, Any]:
        return {"settings": self.settings}

    @cached_property
    def pipe(self) -> Any:
        """The loaded pipeline."""
        pipe = load_pipeline(self.settings.model, dtype=getattr(torch, self.settings.dtype))
        pipe.set_progress_bar_config(disable=True)
        return pipe.to(self.settings.device)

    def stream(self, name: str, picture: np.ndarray, sound: np.ndarray) -> Stream[Any]:
        """A video of this name, from the same noise whatever its sound.

        Args:
            name: of the video.
            picture: (H, W, 3) uint8 RGB.
            sound: (N,) at 16 kHz.

        Raises:
            FaceError: the picture is no portrait to animate.
        """
        seed = noise_seed(self.settings.seed, name)
        stream = self.pipe.stream(
            picture,
            (sound, SAMPLE_RATE),
            **self.settings.options,
            generator=torch.Generator().manual_seed(seed),
            output_type="uint8",
        )
        return replace(stream, origin={**stream.origin, "made_of": fingerprint(stream, seed)})

    def write(self, stream: Stream[Any], path: Path) -> bool:
        """Generate a video, unless it is there; whether it was generated."""
        made_of = stream.origin["made_of"]
        try:
            kept = read_origin(path).get("made_of")
        except VideoError:  # none, or no whole one
            kept = None
        if kept != made_of:
            write_video(stream, path, fingerprint=made_of)
        return kept != made_of
