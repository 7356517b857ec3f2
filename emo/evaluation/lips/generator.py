"""Makes the videos that lips are measured on, and reads the mouths in them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emo.articulation import MEASURES, measure_mouth, mouth_at
from emo.errors import FaceError
from emo.evaluation.compare.measured import MeasuredVideo, Unavailable
from emo.evaluation.lips.clips import RealClip
from emo.evaluation.model_videos import ModelSettings, ModelVideos
from emo.generation.stream import Stream
from emo.media import VideoReader, VideoWriter

KINDS = ("own", "other", "real")
"""Of videos: generated for the clip's own sound, for another clip's; and the clip as the model would write it."""


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

    def __init__(self, settings: ModelSettings, out: Path):
        self.videos = ModelVideos(settings)
        self.out = out

    def measure(self, clips: tuple[RealClip, RealClip]) -> tuple[str, Mouths | str]:
        """Mouths of a clip that is given its own sound and another's, or why there are none; with its name."""
        clip, other = clips
        with VideoReader(clip.video.path) as video:
            first = video.read([0])[0]
        sounds = {"own": clip.video.waveform(), "other": other.video.waveform()[: len(clip.video.waveform())]}
        try:
            streams = {kind: self.videos.stream(clip.name, first, sound) for kind, sound in sounds.items()}
        except FaceError as error:
            return clip.name, f"its first frame is no portrait to animate: {error.problem}"
        for kind, stream in streams.items():
            self.videos.write(stream, self.path(clip.name, kind))
        self._write_again(clip.video, streams["own"], self.path(clip.name, "real"))
        read = {kind: self._read(self.path(clip.name, kind)) for kind in KINDS}
        times = (np.arange(streams["own"].num_frames) + 0.5) / float(streams["own"].fps)
        truth = mouth_at(measure_mouth(clip.video.landmarks), float(clip.video.fps), times)
        lost = tuple(kind for kind, mouth in read.items() if not mouth.any())
        return clip.name, Mouths(clip.name, float(streams["own"].fps), truth, read, lost)

    def path(self, name: str, kind: str) -> Path:
        """Where a clip's video of one of KINDS is."""
        return self.out / "videos" / f"{name}-{kind}.mp4"

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
