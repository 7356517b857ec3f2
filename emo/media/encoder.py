"""Frames, one at a time, to H.264: no more than a few of them are in memory, whatever their number and size."""

import warnings
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain

import numpy as np

from emo.errors import OutputError
from emo.media.ffmpeg import run_ffmpeg

MAX_SIDE = 16384
"""Pixels: neither x264 nor players take more."""

MAX_FRAME_PIXELS = 260_000_000
"""Of one frame: ffmpeg's limit is 2^28, with a margin around the frame."""

SHOWN_PIXELS = 4096 * 2304
"""Of one frame, up to H.264's level 5.2: what players and their hardware show."""

BT709 = [arg for tag in ("colorspace", "color_primaries", "color_trc") for arg in (f"-{tag}", "bt709")]
QUEUE = ["-thread_queue_size", "1"]
# Of larger frames x264 would keep 40 to look ahead, several references and one more per thread: gigabytes.
FRUGAL = ["-preset", "veryfast", "-x264-params", "rc-lookahead=0:sync-lookahead=0:weightp=0:threads=1"]


def check_frame_size(height: int, width: int, name: str) -> None:
    """See that a video can hold frames of this size.

    Args:
        name: what messages call the video.

    Raises:
        OutputError: it cannot.
    """
    if max(height, width) > MAX_SIDE or height * width > MAX_FRAME_PIXELS:
        raise OutputError(
            f"{name}: frames of {width} x {height} pixels do not fit into H.264 video, which ends at {MAX_SIDE} "
            f"pixels a side and {MAX_FRAME_PIXELS // 10**6} million in all; leave paste-back out, or "
            "scale the picture down"
        )


def warn_of_frame_size(height: int, width: int, name: str) -> None:
    """Say so where few players will show frames of this size."""
    if height * width > SHOWN_PIXELS:
        warnings.warn(
            f"{name}: few players show frames of {width} x {height} pixels; leave paste-back out, or scale the "
            "picture down to 4096 pixels",
            stacklevel=3,
        )


def encode_frames(frames: Iterable[np.ndarray], fps: Fraction, name: str) -> tuple[bytes, tuple[int, int]]:
    """One self-contained H.264 segment, and the frames' height and width.

    Odd sizes are padded to even ones by repeating the edge.

    Args:
        frames: RGB uint8 (H, W, 3) each, all of one size, at least one.
        name: what messages call the video.

    Raises:
        OutputError: ffmpeg fails.
    """
    source = iter(frames)
    first = next(source, None)
    assert first is not None, "no frames"
    size = first.shape[0], first.shape[1]
    check_frame_size(*size, name)
    height, width = (side + side % 2 for side in size)
    large = height * width > SHOWN_PIXELS

    frames = chain(iter([first]), source)
    del first  # so that no frame is kept longer than it is encoded
    segment = run_ffmpeg(
        *(QUEUE if large else ()),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}"),
        *("-framerate", str(fps), "-i", "pipe:", "-vf", "scale=out_color_matrix=bt709:out_range=tv"),
        *("-c:v", "libx264", "-bf", "0", "-crf", "18", *(FRUGAL if large else ())),
        *("-pix_fmt", "yuv420p", *BT709, "-color_range", "tv", "-f", "h264", "pipe:"),
        name=name,
        stdin=_parts(frames, size),
    )
    return segment, size


def _parts(frames: Iterator[np.ndarray], size: tuple[int, int]) -> Iterator[memoryview]:
    while (frame := next(frames, None)) is not None:
        assert (frame.dtype, frame.shape) == (np.uint8, (*size, 3)), (frame.dtype, frame.shape, size)
        yield even_sides(frame).reshape(-1).data
        frame = None  # before the next one is made


def even_sides(frame: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3), padded to even sides by repeating its edge, in one block of memory."""
    height, width, _ = frame.shape
    if height % 2 or width % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(frame)
