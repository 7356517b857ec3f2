"""The result, written clip by clip: H.264 and AAC by the ffmpeg that comes with imageio-ffmpeg.

Every `write` appends one self-contained H.264 segment to a spool file beside the output. A spool cut at the end of any
segment is therefore a whole video: an interrupted run goes on from there, and its result equals the uninterrupted
run's byte for byte. `finish` puts spool and sound together under a temporary name and renames the result.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from emo.errors import OutputError, ResumeError, unwritable
from emo.files import file_status, written_file
from emo.locks import claim
from emo.media.encoder import encode_frames
from emo.media.ffmpeg import run_ffmpeg
from emo.media.origin import origin_metadata
from emo.media.rate import as_fps

FORMATS = {".mp4": "mp4", ".mov": "mov"}  # Matroska rounds timestamps to milliseconds
LONGEST_ENDING = ".resume.tmp"  # of what lies beside an unfinished video
TAGS = {".mp4": "", ".mov": "+use_metadata_tags"}  # QuickTime's older tags hold 64 KiB and no description


class Soundtrack(Protocol):
    """The sound of a video: an `AudioTrack`, or a `Recording`.

    Attributes:
        source_rate: in Hz.
        channels: 1 or 2.
    """

    source_rate: int
    channels: int

    def blocks(self) -> Iterator[np.ndarray]:
        """All of it in parts, float32 (n, channels)."""
        ...


def spool_path(path: str | Path) -> Path:
    """Where the unfinished video lies: beside the final one, or beside what its name is a link to."""
    path = written_file(path)
    return path.parent / f"{path.name}.part"


def check_output(path: str | Path) -> None:
    """Check a video's final name before any work; whether the folder can be written to is known when it is.

    Raises:
        OutputError: if the ending is not .mp4 or .mov, the folder is missing, `path` is a directory, a pipe or a link
            that leads nowhere, or its name leaves no room for what lies beside it until it is finished.
    """

    def unusable(message: str) -> OutputError:
        return OutputError(f"the video cannot be written: {message}")

    path = Path(path)
    status = None if os.path.islink(path) else file_status(path, unusable)
    target = written_file(path)
    if os.path.isdir(target) or (status and stat.S_ISDIR(status.st_mode)):
        raise OutputError(f"{path} is a directory; give a file name")
    for name in dict.fromkeys((path, target)):
        if name.suffix.lower() not in FORMATS:
            linked = "" if name == path else f" is a link to {name}"
            raise OutputError(f"{path}{linked}: unknown kind of video; let the name end in {' or '.join(FORMATS)}")
    folder = file_status(target.parent, unusable)
    if folder is None or not stat.S_ISDIR(folder.st_mode):
        raise OutputError(f"{path}: the folder {target.parent} does not exist; make it first")
    try:
        os.lstat(target.with_name(target.name + LONGEST_ENDING))
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise OutputError(
                f"{path}: the name is too long for the file that lies beside it until it is finished, of "
                f"{len(LONGEST_ENDING)} letters more ({LONGEST_ENDING}); choose a shorter one"
            ) from error


class VideoWriter:
    """A video being written. Until `finish`, nothing has its final name; until `close`, nobody else may write it.

    Attributes:
        path: the final name, .mp4 or .mov; where that is a link, what it points to.
        spool_path: the unfinished video beside it.
        fps: exact frame rate.
        position: bytes in the spool, the end of the last whole segment; `resume_at` takes it.
    """

    def __init__(self, path: str | Path, fps: int | float | str | Fraction, *, resume_at: int | None = None):
        """Open the spool: a new one, or that of an interrupted run, cut to its first `resume_at` bytes.

        Raises:
            OutputError: if the ending is not .mp4 or .mov, the folder is missing or not writable, or `path` is a
                directory; or if somebody else is writing it.
            ResumeError: if the spool of the interrupted run is missing or shorter than `resume_at`.
        """
        self.fps = as_fps(fps)
        check_output(path)
        self.path = written_file(path)
        self.spool_path = spool_path(path)
        self._size = None
        self.position = resume_at or 0
        with ExitStack() as until_open:
            until_open.enter_context(claim(path, sole=True))
            self._spool = until_open.enter_context(self._open(resume_at))
            self._spool.truncate(self.position)
            self._spool.seek(self.position)
            self._until_closed = until_open.pop_all()

    def _open(self, resume_at: int | None) -> IO[bytes]:
        if resume_at is not None and not (self.spool_path.is_file() and self.spool_path.stat().st_size >= resume_at):
            raise ResumeError(f"{self.spool_path} is missing or shorter than it was; start again without resuming")
        try:
            return open(self.spool_path, "wb" if resume_at is None else "r+b", buffering=0)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def write(self, frames: Iterable[np.ndarray]) -> None:
        """Encode frames, RGB uint8 (H, W, 3) each, one at least, as one segment, and put it safely on the disk.

        An array (n, H, W, 3) will do; an iterator that makes them one by one saves memory where they are large. Odd
        sizes are padded to even ones by repeating the edge.

        Raises:
            OutputError: if encoding fails or the disk is full. `position` stays, so that the call can be repeated.
        """
        segment, size = encode_frames(frames, self.fps, str(self.path))
        self._size = self._size or size
        assert size == self._size, f"frames of {size} in a video of {self._size}"
        try:
            rest = memoryview(segment)
            while rest:
                rest = rest[self._spool.write(rest) :]
            os.fsync(self._spool.fileno())
        except OSError as error:
            self._spool.truncate(self.position)
            self._spool.seek(self.position)
            raise OutputError(
                f"{self.spool_path} cannot be written ({error.strerror}); free space and repeat"
            ) from error
        self.position += len(segment)

    def finish(self, audio: Soundtrack | None = None, origin: Mapping[str, Any] | None = None) -> None:
        """Put the video and its sound together under the final name, and remove the spool.

        The sound is padded with silence, or cut, to the length of the video.

        Args:
            origin: of a generated video, for its metadata; see `emo.media.origin`.

        Raises:
            OutputError: if nothing was written, ffmpeg fails, or the disk is full. The spool stays.
        """
        try:
            self._mux(audio, origin)
        finally:
            self.close()

    def _mux(self, audio: Soundtrack | None, origin: Mapping[str, Any] | None) -> None:
        self._spool.close()
        if self.position == 0:
            raise OutputError(f"{self.path}: no frames were written")
        temporary, suffix = self.path.with_name(self.path.name + ".tmp"), self.path.suffix.lower()
        seconds = f"{float(self._count_frames() / self.fps):.6f}"
        # The spool's own timing is left aside: packet i is shown at i / fps, exactly, for every rational rate.
        timing = f"setts=prescale=1:pts=N:dts=N:duration=1:time_base={1 / self.fps}"
        sound = (
            "aformat=sample_rates=44100|48000:channel_layouts=mono|stereo,"
            f"apad=whole_dur={seconds},atrim=end={seconds}"
        )
        try:
            temporary.unlink(missing_ok=True)  # an ffmpeg whose program was killed may still be writing to it
            with _metadata_file(origin) as tags:
                run_ffmpeg(
                    *("-f", "h264", "-framerate", str(self.fps), "-i", f"file:{self.spool_path}"),
                    *(("-f", "ffmetadata", "-i", f"file:{tags}") if tags else ()),
                    # The sound comes decoded: no recording is ever opened by ffmpeg, nor its tags and chapters kept.
                    *(("-f", "f32le", "-ar", str(audio.source_rate)) if audio else ()),
                    *(("-ac", str(audio.channels), "-i", "pipe:") if audio else ()),
                    *("-map", "0:v", "-c:v", "copy", "-bsf:v", timing),
                    *(("-map", f"{2 if tags else 1}:a:0", "-af", sound) if audio else ()),
                    *(("-c:a", "aac", "-b:a", "192k") if audio else ()),
                    *(("-map_metadata", "1") if tags else ()),
                    *("-movflags", f"+faststart{TAGS[suffix] if tags else ''}", "-f", FORMATS[suffix]),
                    f"file:{temporary}",
                    name=str(self.path),
                    stdin=(block.astype("<f4").tobytes() for block in audio.blocks()) if audio else (),
                )
            os.replace(temporary, self.path)
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written ({error.strerror})") from error
        finally:
            temporary.unlink(missing_ok=True)
        self.spool_path.unlink()

    def discard(self) -> None:
        """Remove the spool."""
        self._spool.close()
        self.spool_path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close the spool and leave it, for a later run to resume; from now on others may write the video."""
        self._until_closed.close()

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _count_frames(self) -> int:
        import av

        with av.open(f"file:{self.spool_path}", format="h264") as container:
            return sum(1 for packet in container.demux(video=0) if packet.size)


@contextmanager
def _metadata_file(origin: Mapping[str, Any] | None) -> Iterator[Path | None]:
    """A file of an origin's metadata for ffmpeg, if there is one."""
    if not origin:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "origin.txt"
        path.write_bytes(origin_metadata(origin))
        yield path
