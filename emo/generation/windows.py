"""A video in clips, and the ±m neighbors that a clip's frames see across its borders."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class ClipSpan:
    """The frames of one clip.

    Attributes:
        index: which clip, from 0 on.
        start, stop: its frames are `start ... stop - 1`; of the last clip some may lie beyond the video's end.
        num_frames: how many of them are the video's.
    """

    index: int
    start: int
    stop: int
    num_frames: int


def plan_clips(num_frames: int, clip_frames: int, first: int = 0) -> Iterator[ClipSpan]:
    """A video of `num_frames` frames cut into clips of `clip_frames`, from the clip `first` on."""
    for index in range(first, -(-num_frames // clip_frames)):
        start = index * clip_frames
        yield ClipSpan(index, start, start + clip_frames, min(clip_frames, num_frames - start))


def cut_windows(track: torch.Tensor, num_neighbors: int, start: int = 0, stop: int | None = None) -> torch.Tensor:
    """The frames `start ... stop - 1` of a track, each with its m neighbors on both sides.

    Cut from the whole track, so that a clip sees across its own borders; beyond the track's ends the first and the
    last frame repeat, also for `start` or `stop` beyond them.

    Args:
        track: (B, T, ...).
        num_neighbors: m.
        start, stop: all frames by default.

    Returns:
        (B, stop - start, 2m+1, ...).
    """
    stop = track.shape[1] if stop is None else stop
    frames = torch.arange(start, stop, device=track.device)[:, None]
    offsets = torch.arange(-num_neighbors, num_neighbors + 1, device=track.device)
    return track[:, (frames + offsets).clamp(0, track.shape[1] - 1)]
