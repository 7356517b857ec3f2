"""Frames by number from decord, where it may read the file and gives the right ones."""

from pathlib import Path

import numpy as np

from emo.errors import VideoError
from emo.media.track import Track

ALIKE = 1  # level, mean: decord and PyAV give the same picture; they do not where there are margins on the left


class DecordFrames:
    """decord's reader of one file; made by `open_decord`."""

    def __init__(self, path: Path):
        import decord

        self._path = path
        self._error = decord.DECORDError
        self._reader = decord.VideoReader(str(path))

    def __len__(self) -> int:
        return len(self._reader)

    def read(self, indices: list[int]) -> np.ndarray:
        """Frames by number, uint8 (n, height, width, 3) RGB."""
        try:
            return self._reader.get_batch(indices).asnumpy()
        except self._error as error:
            raise VideoError(f"{self._path} is damaged near frames {indices[0]} to {indices[-1]}") from error

    def close(self) -> None:
        """Close the file."""
        del self._reader


def open_decord(track: Track) -> DecordFrames | None:
    """decord's reader, or None where there is no decord, where it may not open the file, or sees other frames.

    It gives wrong frames, silently, after a seek in what is not seekable or not closed (MPEG-2, AVI, open GOPs, usual
    in HEVC); it gives decoded frames as they are, not as they are shown; it fails on some widths (48 and 72 px, but
    not 40 or 80); and it opens whatever its libavformat takes a file for.
    """
    try:
        import decord
    except ImportError:
        return None
    if not (track.seekable and track.timing.closed and track.form.is_plain and _is_unmistakable(track.path)):
        return None
    try:
        frames = DecordFrames(track.path.absolute())
        first = frames.read([0])[0]
    except (decord.DECORDError, VideoError, RuntimeError, UnicodeEncodeError):  # the last for names not in UTF-8
        return None
    alike = first.shape == track.first.shape and np.abs(first.astype(np.int16) - track.first).mean() < ALIKE
    return frames if alike and len(frames) == len(track.timing.ticks) else None


def _is_unmistakable(path: Path) -> bool:
    """Whether decord opens this file for what it is.

    Nothing outbids the mp4 family's and Matroska's first bytes but a pattern in the name; given an absolute path, no
    name is an address.
    """
    with open(path, "rb") as file:
        head = file.read(8)
    return (head[4:] == b"ftyp" or head[:4] == b"\x1a\x45\xdf\xa3") and "%" not in str(path.absolute())
