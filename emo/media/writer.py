"""The result, written clip by clip: H.264 and AAC by the ffmpeg that comes with imageio-ffmpeg.

Every `write` appends one self-contained H.264 segment to a spool file beside the output. A spool cut at the end of any
segment is therefore a whole video: an interrupted run goes on from there, and its result equals the uninterrupted
run's byte for byte. `finish` puts spool and sound together under a temporary name and renames the result.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from emo.errors import OutputError, ResumeError
from emo.media.audio import AudioTrack
from emo.media.encoder import encode_frames
from emo.media.origin import origin_metadata
from emo.media.rate import as_fps

FORMATS = {".mp4": "mp4", ".mov": "mov"}  # Matroska rounds timestamps to milliseconds
TAGS = {".mp4": "", ".mov": "+use_metadata_tags"}  # QuickTime's older tags hold 64 KiB and no description


def spool_path(path: str | Path) -> Path:
    """Where the unfinished video lies: beside the final one."""
    path = Path(path)
    return path.parent / f"{path.name}.part"


def check_output(path: str | Path) -> None:
    """Check a video's final name before any work; whether the folder can be written to is known when it is.

    Raises:
        OutputError: if the ending is not .mp4 or .mov, the folder is missing, or `path` is a directory.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"{path} is a directory; give a file name")
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"{path}: unknown kind of video; let the name end in {' or '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist; make it first")


class VideoWriter:
    """A video being written. Until `finish`, nothing stands under its final name.

    Attributes:
        path: the final name, .mp4 or .mov.
        spool_path: the unfinished video beside it.
        fps: exact frame rate.
        position: bytes in the spool, the end of the last whole segment; `resume_at` takes it.
    """

    def __init__(self, path: str | Path, fps: int | float | str | Fraction, *, resume_at: int | None = None):
        """Open the spool: a new one, or that of an interrupted run, cut to its first `resume_at` bytes.

        Raises:
            OutputError: if the ending is not .mp4 or .mov, the folder is missing or not writable, or `path` is a
                directory.
            ResumeError: if the spool of the interrupted run is missing or shorter than `resume_at`.
        """
        self.path = Path(path)
        self.fps = as_fps(fps)
        self.spool_path = spool_path(path)
        self._size = None
        check_output(self.path)
        if resume_at is not None and not (self.spool_path.is_file() and self.spool_path.stat().st_size >= resume_at):
            raise ResumeError(f"{self.spool_path} is missing or shorter than it was; start again without resuming")
        try:
            self._spool = open(self.spool_path, "wb" if resume_at is None else "r+b", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written ({error.strerror}); choose another folder") from error
        self.position = resume_at or 0
        self._spool.truncate(self.position)
        self._spool.seek(self.position)

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
                f"{self.spool_path} cannot be written ({error.strerror}); free space and resume"
            ) from error
        self.position += len(segment)

    def finish(self, audio: AudioTrack | None = None, origin: Mapping[str, Any] | None = None) -> None:
        """Put the video and its sound together under the final name, and remove the spool.

        The sound is padded with silence, or cut, to the length of the video.

        Args:
            origin: of a generated video, for its metadata; see `emo.media.origin`.

        Raises:
            OutputError: if nothing was written, ffmpeg fails, or the disk is full. The spool stays.
        """
        self.close()
        if self.position == 0:
            raise OutputError(f"{self.path}: no frames were written")
        temporary, suffix = self.path.with_name(self.path.name + ".tmp"), self.path.suffix.lower()
        seconds = f"{float(self._count_frames() / self.fps):.6f}"
        # The spool's own timing is left aside: packet i is shown at i / fps, exactly, for every rational rate.
        timing = f"setts=prescale=1:pts=N:dts=N:duration=1:time_base={1 / self.fps}"
        # Samples are counted from the first one on, as AudioTrack does.
        sound = (
            "asetpts=N/SR/TB,aformat=sample_rates=44100|48000:channel_layouts=mono|stereo,"
            f"apad=whole_dur={seconds},atrim=end={seconds}"
        )
        try:
            with audio.mux_source() if audio else nullcontext() as source:
                self._ffmpeg(
                    *("-f", "h264", "-framerate", str(self.fps), "-i", f"file:{self.spool_path}"),
                    *(("-f", "ffmetadata", "-i", "pipe:") if origin else ()),
                    *(("-i", f"file:{source}") if audio else ()),
                    *("-map", "0:v", "-c:v", "copy", "-bsf:v", timing),
                    *(("-map", f"{2 if origin else 1}:a:0", "-af", sound) if audio else ()),
                    *(("-c:a", "aac", "-b:a", "192k") if audio else ()),
                    *(("-map_metadata", "1") if origin else ()),
                    *("-movflags", f"+faststart{TAGS[suffix] if origin else ''}", "-f", FORMATS[suffix]),
                    f"file:{temporary}",
                    stdin=origin_metadata(origin) if origin else b"",
                )
            os.replace(temporary, self.path)
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written ({error.strerror})") from error
        finally:
            temporary.unlink(missing_ok=True)
        self.spool_path.unlink()

    def discard(self) -> None:
        """Remove the spool."""
        self.close()
        self.spool_path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the spool and leave it, for a later run to resume."""
        self._spool.close()

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _count_frames(self) -> int:
        import av

        with av.open(f"file:{self.spool_path}", format="h264") as container:
            return sum(1 for packet in container.demux(video=0) if packet.size)

    def _ffmpeg(self, *arguments: str, stdin: bytes | memoryview = b"") -> bytes:
        from imageio_ffmpeg import get_ffmpeg_exe

        command = [get_ffmpeg_exe(), "-hide_banner", "-v", "error", "-y", *arguments]
        result = subprocess.run(command, input=stdin, capture_output=True)
        if result.returncode:
            message = result.stderr.decode(errors="replace").strip()
            reason = message.splitlines()[-1] if message else f"status {result.returncode}"
            if "No space left" in message:
                reason = "no space left on the disk; free some and resume"
            raise OutputError(f"{self.path}: ffmpeg failed ({reason})")
        return result.stdout
