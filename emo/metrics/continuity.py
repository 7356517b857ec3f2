"""Whether a long video holds together: jumps where its clips meet, and loss of sharpness and color over time."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from emo.errors import EmoError
from emo.metrics.checks import check_track, each_frame


@dataclass(frozen=True)
class FrameMeasures:
    """What `measure_frames` takes from each of T frames.

    Attributes:
        sharpness: (T,), variance of the Laplacian of the luma in squared gray levels.
        color: (T, 3), mean CIELAB.
        change: (T - 1,), mean absolute difference to the next frame in gray levels over all pixels and channels.
    """

    sharpness: np.ndarray = field(repr=False)
    color: np.ndarray = field(repr=False)
    change: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.sharpness)


@dataclass(frozen=True)
class Drift:
    """From the first to the last span of a video.

    Attributes:
        sharpness: relative change; -0.5 has lost half of it.
        color: the distance Delta E (CIE 1976) of the mean colors; from about 2 on visible side by side.
    """

    sharpness: float
    color: float


def measure_frames(frames: Iterable[np.ndarray]) -> FrameMeasures:
    """Sharpness, color and change of a video in one pass that keeps one frame at a time.

    Args:
        frames: uint8 (H, W, 3) RGB each: an array, any iterable of frames, or of chunks (n, H, W, 3) of them.

    Raises:
        EmoError: no frames, or frames of another type or of different sizes.
    """
    sharp = []
    colors = []
    changes = []
    before = None
    for frame in each_frame(frames):
        sharp.append(sharpness(frame))
        colors.append(color(frame))
        if before is not None:
            changes.append(np.abs(frame.astype(np.int16) - before).mean())
        before = frame.astype(np.int16)
    if before is None:
        raise EmoError("there are no frames to measure")
    return FrameMeasures(np.array(sharp), np.array(colors), np.array(changes))


def sharpness(frame: np.ndarray) -> float:
    """Variance of the Laplacian of a picture's luma in squared gray levels, uint8 (H, W, 3)."""
    import cv2

    return float(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var(dtype=np.float64))


def color(frame: np.ndarray) -> np.ndarray:
    """Mean color of a picture in CIELAB, uint8 (H, W, 3) -> (3,): L 0...100, a, b."""
    import cv2

    return cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).mean((0, 1), dtype=np.float64)


def clip_border_ratio(change: np.ndarray, clip_length: int) -> float:
    """How much more a video changes where its clips meet than within them: 1 is seamless.

    Args:
        change: (T - 1,) between consecutive frames, as `FrameMeasures.change`.
        clip_length: frames per clip; the last clip may be shorter.

    Returns:
        Mean change at the borders over the mean change elsewhere; 1 where nothing moves at all, and infinite where
        only the borders do.

    Raises:
        EmoError: there is no border, or nothing but borders.
    """
    change = check_track(change, "the change between frames")
    border = np.arange(1, len(change) + 1) % clip_length == 0 if clip_length > 1 else np.ones(len(change), bool)
    if not border.any() or border.all():
        raise EmoError(
            f"{len(change) + 1} frames have no border between clips of {clip_length}: give more frames, and clips "
            "of 2 frames or more"
        )
    between = float(change[border].mean())
    within = float(change[~border].mean())
    if not within:
        return np.inf if between else 1.0
    return between / within


def drift(measures: FrameMeasures, span: int) -> Drift:
    """How far the last `span` frames of a video have drifted from its first `span` ones.

    Raises:
        EmoError: the video is shorter than two spans, or its first span shows nothing (no sharpness to lose).
    """
    if span < 1 or len(measures) < 2 * span:
        raise EmoError(
            f"{len(measures)} frames do not hold two spans of {span}: give a longer video or a smaller span"
        )
    first = measures.color[:span]
    last = measures.color[len(measures) - span :]
    if measures.sharpness[:span].mean() == 0:
        raise EmoError("the video's first frames are of one color: drift cannot be told")
    lost = relative_change(measures.sharpness, span, span)
    return Drift(float(lost), float(np.linalg.norm(last.mean(0) - first.mean(0))))


def relative_change(values: np.ndarray, first: int, last: int) -> np.ndarray:
    """Mean of the last values over the mean of the first ones, less 1: 0 where nothing has changed.

    Args:
        values: (T, ...), one row per frame.
        first: how many are averaged at the start.
        last: how many are averaged at the end.

    Returns:
        Of the values' own shape without T.
    """
    return values[len(values) - last :].mean(0) / values[:first].mean(0) - 1
