"""Random access to the frames of a video: by PyAV, or by decord where it may and gives the right ones."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emo.errors import VideoError
from emo.media.decord_frames import open_decord
from emo.media.demuxer import Media
from emo.media.track import Track

if TYPE_CHECKING:
    from av import VideoFrame


class VideoReader:
    """A video, its frames read by number, as players show them: see `emo.media.picture`.

    Frames follow each other at a constant rate. Where those of the file do not, frame i is the one that is shown at
    (i + 1/2) / fps after the first.

    Attributes:
        fps: frame rate, exact.
        num_frames, height, width: of the frames that `read` gives.
        has_audio: whether the file has a sound track.

    Raises:
        VideoError: naming the file, if it is missing, a directory, empty, not media, or without a readable picture.
    """

    def __init__(self, path: str | Path, *, own: bool = False):
        """Open a video.

        Args:
            path: of the file.
            own: it was written by this program, so that decord may read it, which opens files by itself.
        """
        self.path = Path(path)
        track = Track.of(self.path)
        self._frames = (open_decord(track) if own else None) or _PyAVFrames(track)
        self._shown = track.timing.shown()
        self.fps = track.timing.fps
        self.num_frames = len(self._shown)
        self.width, self.height = track.form.size
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


class _PyAVFrames:
    """Frames by number: found by their time where the file is seekable, else counted from the start."""

    def __init__(self, track: Track):
        self._path = track.path
        self._timing = track.timing
        self._form = track.form
        self._seekable = track.seekable
        self._media = Media(track.path, VideoError)
        self._numbers: dict[int | None, int] = {tick: number for number, tick in enumerate(track.timing.ticks)}
        self._decoder: Iterator[tuple[int, VideoFrame]] = iter(())
        self._count = len(track.timing.ticks)
        self._next = self._count  # the number of the frame that the decoder gives next

    def read(self, indices: list[int]) -> np.ndarray:
        from av.error import FFmpegError

        try:
            return np.stack([self._frame(index) for index in indices])
        except FFmpegError as error:
            self._next = self._count
            raise VideoError(f"{self._path} is damaged near frames {indices[0]} to {indices[-1]}") from error

    def _frame(self, index: int) -> np.ndarray:
        start = self._start(index)
        if not start <= self._next <= index:
            self._decoder = self._decode(start)
        for number, frame in self._decoder:
            if number == index:
                self._next = index + 1
                return self._form.picture(frame)
        self._next = self._count
        raise VideoError(f"{self._path} is damaged or cut off at frame {index}")

    def _start(self, index: int) -> int:
        """The frame to decode from: the last keyframe shown at or before this one."""
        if not self._seekable:
            return 0
        timing = self._timing
        keyframe = timing.keyframes[max(bisect_right(timing.keyframes, timing.ticks[index]) - 1, 0)]
        return bisect_right(timing.ticks, keyframe) - 1

    def _decode(self, start: int) -> "Iterator[tuple[int, VideoFrame]]":
        if self._seekable:
            self._media.container.seek(self._timing.ticks[start], stream=self._media.video)
            for frame in self._decoded():
                yield self._numbers.get(frame.pts, -1), frame
        else:
            self._media.close()
            self._media = Media(self._path, VideoError)
            yield from enumerate(self._decoded())

    def _decoded(self) -> "Iterator[VideoFrame]":
        """From where the file stands; unlike `Media.decoded` it raises at damage, where frames would lose count."""
        assert self._media.video is not None
        return self._media.container.decode(self._media.video)

    def close(self) -> None:
        self._media.close()
