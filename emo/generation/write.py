"""A stream of clips becomes a video file, which an interruption does not lose."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from operator import methodcaller
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from emo.files import written_file
from emo.generation.origin import complete_origin
from emo.generation.resume import ResumePoint
from emo.locks import claim
from emo.media import AudioTrack, VideoWriter, check_frame_size, spool_path, warn_of_frame_size
from emo.upscale import Upscaler


def resume_path(path: str | os.PathLike) -> Path:
    """Where the resume point of an unfinished video lies: beside it, or beside what its name is a link to."""
    path = written_file(path)
    return path.parent / f"{path.name}.resume"


class Written(Protocol):
    """What comes in clips and becomes a video: a `Stream`, or one that stands above streams.

    Attributes:
        audio: what is heard.
        fps: frames per second.
        origin: what makes it and how.
    """

    @property
    def audio(self) -> AudioTrack: ...

    @property
    def fps(self) -> Fraction: ...

    @property
    def origin(self) -> Mapping[str, Any]: ...

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Clips with `each` and `state`, as `Clip` has them."""
        ...


def write_video(
    stream: Written,
    path: str | Path,
    *,
    fingerprint: dict[str, str],
    resume: ResumePoint | None = None,
    frames_of: Callable[[Any], Iterable[np.ndarray]] = methodcaller("each"),
    upscaler: Upscaler | None = None,
) -> None:
    """Generate, and write each clip as it comes; the sound is added at the end, and the origin in the metadata.

    After every clip, all that the next one needs is kept beside the output. Where that is not yet so when something
    goes wrong, nothing is left behind.

    Args:
        stream: made with `output_type="uint8"`, and with `resume_from=resume.state` to continue.
        path: .mp4 or .mov. It appears when it is whole.
        fingerprint: of the stream, from `fingerprint`.
        resume: the point at which an interrupted run stopped.
        frames_of: makes the frames of a clip on their way to the video, once each; for whoever wants to see them.
        upscaler: enlarges them after that.

    Raises:
        OutputError: the file cannot be written, its frames are larger than a video holds, or somebody else is writing
            it.
        ResumeError: the interrupted run had other inputs or options, or what it left is damaged.
    """
    point_path = resume_path(path)
    fingerprint = {**fingerprint, "upscale": "none" if upscaler is None else upscaler.fingerprint()}
    size = stream.frame_size if upscaler is None else upscaler.frame_size(*stream.frame_size)
    if resume is not None:
        resume.check(point_path, fingerprint)
    check_frame_size(*size, str(path))
    warn_of_frame_size(*size, str(path))
    with claim(path), VideoWriter(path, stream.fps, resume_at=resume and resume.position) as writer:
        if resume is None:
            point_path.unlink(missing_ok=True)
        try:
            for clip in stream:
                frames = frames_of(clip)
                writer.write(frames if upscaler is None else map(upscaler, frames))
                ResumePoint(clip.state, writer.position, fingerprint).save(point_path)
            enlarged = {} if upscaler is None else {"upscale": upscaler.record()}
            writer.finish(stream.audio, complete_origin(stream.origin, fingerprint) | enlarged)
        except BaseException:
            if not point_path.exists():
                writer.discard()
            raise
        point_path.unlink()


def is_unfinished(path: str | Path) -> bool:
    """Whether an interrupted generation of `path` left something from which it can be continued."""
    return os.path.exists(resume_path(path)) and os.path.exists(spool_path(path))
