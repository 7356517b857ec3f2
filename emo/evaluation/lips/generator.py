"""Makes the videos that lips are measured on, and reads the mouths in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emo.articulation import MEASURES, measure_mouth, mouth_at
from emo.errors import FaceError, VideoError
from emo.evaluation.compare.measured import MeasuredVideo, Unavailable
from emo.evaluation.lips.clips import RealClip
from emo.evaluation.seeds import noise_seed
from emo.generation import fingerprint, write_video
from emo.generation.stream import Stream
from emo.hub import load_pipeline
from emo.media import SAMPLE_RATE, VideoReader, VideoWriter, read_origin

KINDS = ("own", "other", "real")
"""Of videos: generated for the clip's own sound, for another clip's; and the clip as the model would write it."""


@dataclass(frozen=True)
class LipsSettings:
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


@dataclass(frozen=True)
class Mouths:
    """The mouths of one clip, at the frames of the generated video, as `emo.articulation.measure_mouth` reads them.

    Attributes:
        name: of the clip.
        fps: frames per second.
        truth: (T, 8), of the real clip, frame i at (i + 0.5) / fps.
        read: of the videos of each of KINDS, (t, 8), about as long; zeros where no face is found.
        lost: those of KINDS in which none is.
    """

    name: str
    fps: float
    truth: np.ndarray = field(repr=False)
    read: dict[str, np.ndarray] = field(repr=False)
    lost: tuple[str, ...]


class LipsGenerator:
    """Makes the videos of clips, unless the same are there, and reads them.

    Args:
        settings: of all videos.
        out: folder for `videos` and `cache`.
    """

    def __init__(self, settings: LipsSettings, out: Path):
        self.settings = settings
        self.out = out

    @cached_property
    def pipe(self) -> Any:
        """The loaded pipeline."""
        pipe = load_pipeline(self.settings.model, dtype=getattr(torch, self.settings.dtype))
        pipe.set_progress_bar_config(disable=True)
        return pipe.to(self.settings.device)

    def measure(self, clips: tuple[RealClip, RealClip]) -> tuple[str, Mouths | str]:
        """Mouths of a clip that is given its own sound and another's, or why there are none; with its name."""
        clip, other = clips
        with VideoReader(clip.video.path) as video:
            first = video.read([0])[0]
        sounds = {"own": clip.video.waveform(), "other": other.video.waveform()[: len(clip.video.waveform())]}
        try:
            streams = {kind: self._stream(clip.name, first, sound) for kind, sound in sounds.items()}
        except FaceError as error:
            return clip.name, f"its first frame is no portrait to animate: {error.problem}"
        for kind, stream in streams.items():
            self._generate(stream, self.path(clip.name, kind))
        self._write_again(clip.video, streams["own"], self.path(clip.name, "real"))
        read = {kind: self._read(self.path(clip.name, kind)) for kind in KINDS}
        times = (np.arange(streams["own"].num_frames) + 0.5) / float(streams["own"].fps)
        truth = mouth_at(measure_mouth(clip.video.landmarks), float(clip.video.fps), times)
        lost = tuple(kind for kind, mouth in read.items() if not mouth.any())
        return clip.name, Mouths(clip.name, float(streams["own"].fps), truth, read, lost)

    def path(self, name: str, kind: str) -> Path:
        """Where a clip's video of one of KINDS is."""
        return self.out / "videos" / f"{name}-{kind}.mp4"

    def _stream(self, name: str, picture: np.ndarray, sound: np.ndarray) -> Stream[Any]:
        """A video of the clip of this name, whatever its sound from the same noise."""
        seed = noise_seed(self.settings.seed, name)
        stream = self.pipe.stream(
            picture,
            (sound, SAMPLE_RATE),
            **self.settings.options,
            generator=torch.Generator().manual_seed(seed),
            output_type="uint8",
        )
        return replace(stream, origin={**stream.origin, "made_of": fingerprint(stream, seed)})

    def _generate(self, stream: Stream[Any], path: Path) -> None:
        made_of = stream.origin["made_of"]
        try:
            kept = read_origin(path).get("made_of")
        except VideoError:  # none, or no whole one
            kept = None
        if kept != made_of:
            write_video(stream, path, fingerprint=made_of)

    def _write_again(self, video: MeasuredVideo, stream: Stream[Any], path: Path) -> None:
        """Write a clip as the model does its videos: cut out, at its size and rate."""
        times = (np.arange(stream.num_frames) + 0.5) / float(stream.fps)
        frames = np.minimum(times * float(video.fps), video.num_frames - 1).astype(int)
        with VideoReader(video.path) as reader, VideoWriter(path, stream.fps) as writer:
            writer.write(stream.portrait.crop.apply(reader.read([number])[0]) for number in frames)
            writer.finish(stream.audio)

    def _read(self, path: Path) -> np.ndarray:
        video = MeasuredVideo(path, self.out / "cache")
        try:
            return measure_mouth(video.landmarks)
        except Unavailable:
            return np.zeros((video.num_frames, len(MEASURES)))
