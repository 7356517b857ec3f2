"""Random access to the frames of a video: by PyAV, or by decord where it may and gives the right ones."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from emo.errors import VideoError
from emo.media.demuxer import Media
from emo.media.picture import PictureForm
from emo.media.timing import Timing

ALIKE = 1  # level, mean: decord and PyAV give the same picture; they do not where there are margins on the left


class VideoReader:
    """A video, its frames read by number, as players show them: see `emo.media.picture`.

    Frames follow each other at a constant rate. Where those of the file do not, frame i is the one that is shown at
    (i + ½) / fps after the first.

    Attributes:
        fps: frame rate, exact.
        num_frames, height, width: of the frames that `read` gives.
        has_audio: whether the file has a sound track.

    Raises:
        VideoError: naming the file, if it is missing, a directory, empty, not media, or without a readable picture.
    """

    def __init__(self, path: str | Path, *, own: bool = False):
        """Open a video.

        own: it was written by this program, so that decord may read it, which opens files by itself.
        """
        self.path = Path(path)
        with Media(self.path, VideoError) as media:
            track = _Track(media)
        # decord gives wrong frames, silently, after a seek in what `seekable` and `closed` exclude (MPEG-2, AVI, open
        # GOPs, usual in HEVC), and decoded frames as they are.
        use_decord = own and track.seekable and track.timing.closed and track.form.is_plain
        self._frames = (use_decord and _open_decord(track)) or _PyAVFrames(track)
        track.first = None  # as large as it may be
        self._shown = track.timing.shown()
        self.fps = track.timing.fps
        self.num_frames = len(self._shown)
        self.width, self.height = track.form.size
        self.has_audio = media.num_sounds > 0

    def read(self, indices: Sequence[int]) -> np.ndarray:
        """Frames by number, in the order asked for: RGB uint8 (n, height, width, 3).

        Raises:
            IndexError: if a number is not in 0 ... num_frames - 1.
            VideoError: if the file is damaged where a frame lies.
        """
        indices = [int(index) for index in indices]
        if not all(0 <= index < self.num_frames for index in indices):
            raise IndexError(f"{self.path} has frames 0 to {self.num_frames - 1}; asked for {indices}")
        if not indices:
            return np.empty((0, self.height, self.width, 3), np.uint8)
        return self._frames.read([self._shown[index] for index in indices])

    def __len__(self) -> int:
        return self.num_frames

    def close(self) -> None:
        """Close the file."""
        self._frames.close()

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Track:
    """What is known of a file's pictures after a pass over its packets and one decoded frame.

    seekable: whether frames can be found by time. form: of the pictures; first: the first one.
    """

    def __init__(self, media: Media):
        from av.error import FFmpegError

        self.path = media.path
        if media.video is None:
            raise VideoError(f"{self.path} has no video track; give a video")
        self.timing = Timing.of(media)
        exact = media.format.startswith(("mov,mp4", "matroska"))
        self.seekable = exact and self.timing.stated and self.timing.begins
        try:
            with Media(self.path, VideoError) as again:
                frame = next(again.container.decode(again.video), None)
                if frame is not None:
                    self.form = PictureForm.of(again, frame)
                    self.first = self.form.picture(frame)
        except FFmpegError as error:
            raise VideoError(f"{self.path} is not a video this program can read ({error.strerror})") from error
        if frame is None:
            raise VideoError(f"{self.path} holds no frames that can be decoded; check that it plays")


class _DecordFrames:
    def __init__(self, path: Path, decord: object):
        self._path = path
        self._error = decord.DECORDError
        self._reader = decord.VideoReader(str(path))

    def read(self, indices: list[int]) -> np.ndarray:
        try:
            return self._reader.get_batch(indices).asnumpy()
        except self._error as error:
            raise VideoError(f"{self._path} is damaged near frames {indices[0]} to {indices[-1]}") from error

    def close(self) -> None:
        self._reader = None


def _open_decord(track: _Track) -> _DecordFrames | None:
    """decord's reader, or None where there is no decord, or it does not see the same frames."""
    try:
        import decord
    except ImportError:
        return None
    if not _is_unmistakable(track.path):
        return None
    try:
        frames = _DecordFrames(track.path.absolute(), decord)
        first = frames._reader.get_batch([0]).asnumpy()[0]  # fails on some widths: 48 and 72 px, but not 40 or 80
    except (decord.DECORDError, RuntimeError, UnicodeEncodeError):  # the last for names that are not UTF-8
        return None
    alike = first.shape == track.first.shape and np.abs(first.astype(np.int16) - track.first).mean() < ALIKE
    return frames if alike and len(frames._reader) == len(track.timing.ticks) else None


def _is_unmistakable(path: Path) -> bool:
    """Whether decord, which opens whatever its libavformat takes a file for, opens this one for what it is.

    Nothing outbids the mp4 family's and Matroska's first bytes but a pattern in the name; given an absolute path, no
    name is an address.
    """
    with open(path, "rb") as file:
        head = file.read(8)
    return (head[4:] == b"ftyp" or head[:4] == b"\x1a\x45\xdf\xa3") and "%" not in str(path.absolute())


class _PyAVFrames:
    """Frames by number: found by their time where the file is seekable, else counted from the start."""

    def __init__(self, track: _Track):
        self._track = track
        self._media = Media(track.path, VideoError)
        self._numbers = {tick: number for number, tick in enumerate(track.timing.ticks)}
        self._decoder: Iterator[tuple[int, object]] = iter(())
        self._next = self._count = len(track.timing.ticks)  # the number of the frame that the decoder gives next

    def read(self, indices: list[int]) -> np.ndarray:
        from av.error import FFmpegError

        try:
            return np.stack([self._frame(index) for index in indices])
        except FFmpegError as error:
            self._next = self._count
            raise VideoError(f"{self._track.path} is damaged near frames {indices[0]} to {indices[-1]}") from error

    def _frame(self, index: int) -> np.ndarray:
        start = self._start(index)
        if not start <= self._next <= index:
            self._decoder = self._decode(start)
        for number, frame in self._decoder:
            if number == index:
                self._next = index + 1
                return self._track.form.picture(frame)
        self._next = self._count
        raise VideoError(f"{self._track.path} is damaged or cut off at frame {index}")

    def _start(self, index: int) -> int:
        """The frame to decode from: the last keyframe shown at or before this one."""
        if not self._track.seekable:
            return 0
        timing = self._track.timing
        keyframe = timing.keyframes[max(bisect_right(timing.keyframes, timing.ticks[index]) - 1, 0)]
        return bisect_right(timing.ticks, keyframe) - 1

    def _decode(self, start: int) -> Iterator[tuple[int, object]]:
        if self._track.seekable:
            stream = self._media.video
            self._media.container.seek(self._track.timing.ticks[start], stream=stream)
            for frame in self._media.container.decode(stream):
                yield self._numbers.get(frame.pts, -1), frame
        else:
            self._media.close()
            self._media = Media(self._track.path, VideoError)
            yield from enumerate(self._media.container.decode(self._media.video))

    def close(self) -> None:
        self._media.close()
