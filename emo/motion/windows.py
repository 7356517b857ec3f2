"""Long motion in windows, as sequence models see it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """W frames of a motion, and what a model is told of those before.

    Attributes:
        index: which one, from 0 on.
        start: its first frame.
        length: W.
        frames: how many of them are the motion's; fewer than W in the last window of most.
        prefix: frames before `start` that are known, at most K: none in the first window.
    """

    index: int
    start: int
    length: int
    frames: int
    prefix: int


@dataclass(frozen=True)
class Windowed:
    """A window's piece of tracks (B, T, D), with zeros where there is nothing.

    Attributes:
        prefix: (B, K, D) the last K frames before the window; known ones stand at the end.
        prefix_mask: (K,) bool, those that are known.
        frames: (B, W, D).
        frame_mask: (W,) bool, those that are the motion's.
    """

    prefix: Tensor
    prefix_mask: Tensor
    frames: Tensor
    frame_mask: Tensor


def plan_windows(num_frames: int, length: int, prefix: int, overlap: int = 0) -> Iterator[Window]:
    """Windows over `num_frames` frames; every frame is new in just one.

    Args:
        num_frames: of the motion.
        length: W.
        prefix: K, most frames before a window that its model is given (VASA-1, 3.2).
        overlap: frames at a window's beginning that the one before has made already, below W.
    """
    assert 0 <= overlap < length
    start = index = 0
    while index == 0 or start + overlap < num_frames:
        yield Window(index, start, length, min(length, num_frames - start), min(prefix, start))
        start += length - overlap
        index += 1


def cut_window(track: Tensor, window: Window, prefix: int) -> Windowed:
    """The piece of tracks (B, T, ...) that a window shows, after K = `prefix` frames."""
    known, frames = track[:, window.start - window.prefix : window.start], track[:, window.start :][:, : window.frames]
    place = torch.arange(max(prefix, window.length), device=track.device)
    return Windowed(
        prefix=torch.cat([_zeros(track, prefix - window.prefix), known], 1),
        prefix_mask=place[:prefix] >= prefix - window.prefix,
        frames=torch.cat([frames, _zeros(track, window.length - window.frames)], 1),
        frame_mask=place[: window.length] < window.frames,
    )


def bend_to(values: Tensor, before: Tensor, frames: int) -> Tensor:
    """Motion (B, W, D) whose beginning goes on from the one before (B, K, D), in `frames` frames less and less bent.

    Its first frame is put where the mean of the last change before and the first change after leads.
    """
    changes = torch.cat([before[:, -2:].diff(dim=1), values[:, :2].diff(dim=1)], 1)
    gap = before[:, -1] + changes.sum(1) / max(changes.shape[1], 1) - values[:, 0]
    place = torch.arange(values.shape[1], device=values.device) / max(frames, 1)
    fade = 0.5 + 0.5 * torch.cos(math.pi * place.clamp(max=1))
    return values + gap[:, None] * fade[:, None]


def _zeros(track: Tensor, frames: int) -> Tensor:
    return track.new_zeros(len(track), frames, *track.shape[2:])
