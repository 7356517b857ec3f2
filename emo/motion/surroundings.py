"""Frames that are drawn by what goes on around them, as they come: the last ones wait until what follows is known."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from emo.motion.animator import Animator


@dataclass(frozen=True)
class Surrounded:
    """Frames to draw, and those around them.

    Attributes:
        values: of all of them, (n, D).
        shown: which are drawn.
    """

    values: Tensor
    shown: slice

    def __len__(self) -> int:
        return self.shown.stop - self.shown.start


class Surroundings:
    """What goes on around frames that come window by window.

    Args:
        reach: frames before and after a frame, by which it is drawn.
        known: frames before the first one that comes, (m, D), as `known` was after it; none by default.
        waits: whether frames wait for what follows; where they do not, as in live video, their last one lasts.
    """

    def __init__(self, reach: int, known: Tensor | None = None, waits: bool = True):
        self.reach = reach
        self.known = known
        self._waits = waits

    def take(self, frames: Tensor, ended: bool) -> Surrounded:
        """What can be drawn with some more frames, (n, D), and not without them; with the last ones, all the rest."""
        before = frames[:0] if self.known is None else self.known
        values = torch.cat([before, frames])
        waiting = min(self.reach, len(before)) if self._waits else 0
        start, stop = len(before) - waiting, len(values)
        if self._waits and not ended:
            stop = max(start, len(values) - self.reach)
        kept = (2 if self._waits else 1) * self.reach
        self.known = values[max(0, len(values) - kept) :]
        return Surrounded(values, slice(start, stop))


def draw_surrounded(animator: Animator, appearance: Any, frames: Surrounded) -> Tensor:
    """Those of the frames that are to be drawn, (n, 3, H, W) uint8."""
    shown = {"shown": frames.shown} if animator.reach else {}
    pictures = animator.render(appearance, frames.values, **shown)
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)
