"""Random access to the frames of a video: by decord where it is installed and gives the right ones, else by PyAV."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from emo.errors import VideoError
from emo.media.files import require_file


class VideoReader:
    """A video, its frames read by number, upright.

    Attributes:
        fps: average frame rate, exact.
        num_frames, height, width: of the frames that `read` gives.
        has_audio: whether the file has a sound track.

    Raises:
        VideoError: naming the file, if it is missing, a directory, empty, not media, or without a readable picture.
    """

    def __init__(self, path: str | Path):
        from av.error import FFmpegError

        self.path = Path(path)
        require_file(self.path, VideoError)
        try:
            track = _Track(self.path)
            # decord gives wrong frames, silently, after a seek in what `seekable` and `closed` exclude (MPEG-2, AVI,
            # open GOPs, usual in HEVC).
            use_decord = track.seekable and track.closed
            self._frames = (use_decord and _open_decord(track)) or _PyAVFrames(track)
        except FFmpegError as error:
            raise VideoError(f"{self.path} is not a video this program can read ({error.strerror})") from error
        self.fps = track.fps
        self.num_frames = len(track.times)
        self.height, self.width = track.height, track.width
        self.has_audio = track.has_audio

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
        return self._frames.read(indices)

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
    """What is known of a video track after one decoded frame and one pass over its packets, none of them decoded.

    times: presentation times of all frames, ascending; keyframes: those of the frames that stand alone.
    seekable: whether frames can be found by time. closed: whether none is shown before the keyframe it follows.
    turns: quarter turns, counter-clockwise, that set the frames upright.
    """

    def __init__(self, path: Path):
        import av

        self.path = path
        with av.open(f"file:{path}") as container:
            if not container.streams.video:
                raise VideoError(f"{path} has no video track; give a video")
            stream = container.streams.video[0]
            self.fps = Fraction(stream.average_rate or 0)
            self.has_audio = bool(container.streams.audio)
            packets = [(p.pts, p.is_keyframe) for p in container.demux(stream) if p.size and not p.is_discard]
            exact = container.format.name.startswith(("mov,mp4", "matroska"))
        with av.open(f"file:{path}") as container:
            frame = next(container.decode(video=0), None)
        if frame is None or not packets or not self.fps:
            raise VideoError(f"{path} holds no frames that can be decoded; check that it plays")
        self.turns = frame.rotation // 90
        self.height, self.width = (frame.width, frame.height) if self.turns % 2 else (frame.height, frame.width)
        self.seekable = exact and packets[0][1] and all(time is not None for time, _ in packets)
        self.times = sorted(time for time, _ in packets) if self.seekable else range(len(packets))
        self.keyframes = sorted(time for time, is_keyframe in packets if is_keyframe) if self.seekable else []
        self.closed, keyframe = True, None
        for time, is_keyframe in packets if self.seekable else ():
            keyframe = time if is_keyframe else keyframe
            self.closed = self.closed and time >= keyframe


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
    try:
        frames = _DecordFrames(track.path, decord)
        frames._reader.get_batch([0])  # fails on some widths: 48 and 72 px, but not 40 or 80
    except (decord.DECORDError, RuntimeError, UnicodeEncodeError):  # the last for names that are not UTF-8
        return None
    return frames if len(frames._reader) == len(track.times) else None


class _PyAVFrames:
    """Frames by number: found by their time where the file is seekable, else counted from the start."""

    def __init__(self, track: _Track):
        import av

        self._track = track
        self._numbers = {time: number for number, time in enumerate(track.times)}
        self._container = av.open(f"file:{track.path}")
        self._decoder = iter(())
        self._next = len(track.times)  # the number of the frame that the decoder gives next

    def read(self, indices: list[int]) -> np.ndarray:
        from av.error import FFmpegError

        try:
            return np.stack([self._frame(index) for index in indices])
        except FFmpegError as error:
            self._next = len(self._numbers)
            raise VideoError(f"{self._track.path} is damaged near frames {indices[0]} to {indices[-1]}") from error

    def _frame(self, index: int) -> np.ndarray:
        start = self._start(index)
        if not start <= self._next <= index:
            self._decoder = self._decode(start)
        for number, frame in self._decoder:
            if number == index:
                self._next = index + 1
                return np.rot90(frame.to_ndarray(format="rgb24"), self._track.turns)
        self._next = len(self._numbers)
        raise VideoError(f"{self._track.path} is damaged or cut off at frame {index}")

    def _start(self, index: int) -> int:
        """The frame to decode from: the last keyframe shown at or before this one."""
        if not self._track.seekable:
            return 0
        keyframes = self._track.keyframes
        return self._numbers[keyframes[max(bisect_right(keyframes, self._track.times[index]) - 1, 0)]]

    def _decode(self, start: int) -> Iterator[tuple[int, object]]:
        import av

        if self._track.seekable:
            stream = self._container.streams.video[0]
            self._container.seek(self._track.times[start], stream=stream)
            for frame in self._container.decode(stream):
                yield self._numbers.get(frame.pts, -1), frame
        else:
            self._container.close()
            self._container = av.open(f"file:{self._track.path}")
            yield from enumerate(self._container.decode(video=0))

    def close(self) -> None:
        self._container.close()
