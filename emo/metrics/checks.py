"""What every measure asks of its input."""

from collections.abc import Iterable, Iterator

import numpy as np

from emo.errors import EmoError


def check_track(values: np.ndarray, name: str) -> np.ndarray:
    """One number per frame (T,), T > 0, as float64.

    Raises:
        EmoError: of another shape, or not finite.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise EmoError(f"{name} must be finite numbers, one per frame (T,), not an array of shape {values.shape}")
    return values


def check_frame(frame: np.ndarray) -> np.ndarray:
    """A picture, uint8 (H, W, 3).

    Raises:
        EmoError: of another shape or type.
    """
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        shown = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise EmoError(f"frames must be uint8 (H, W, 3) RGB, not {shown}")
    return frame


def each_frame(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The frames, uint8 (H, W, 3), of an array, of an iterable of frames, or of one of chunks (n, H, W, 3).

    Raises:
        EmoError: a frame is of another type, or of another size than the first.
    """
    size = None
    for item in frames:
        for frame in item if getattr(item, "ndim", 0) == 4 else (item,):
            check_frame(frame)
            if frame.shape != (size := size or frame.shape):
                raise EmoError(f"frames must be of one size: one is {frame.shape[:2]}, the first {size[:2]}")
            yield frame
