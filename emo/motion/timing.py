"""Frames of one rate between those of another."""

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor


@dataclass(frozen=True)
class Retiming:
    """Frames of motion at one rate, from which frames at another are made, in straight lines between neighbors.

    Frame i of a rate is the middle of its interval, (i + 0.5) / rate.

    Attributes:
        source: rate of what there is, frames per second.
        target: rate of what is made.
    """

    source: Fraction
    target: Fraction

    def made(self, frames: int) -> int:
        """How many frames can be made of the first ones: those that lie no later than the last of these."""
        return max(0, math.floor((frames - Fraction(1, 2)) * self.target / self.source + Fraction(1, 2)))

    def __call__(self, values: Tensor, start: int, stop: int, first: int = 0) -> Tensor:
        """Frames `start ... stop - 1` of the target's rate, (stop - start, D).

        Args:
            values: frames of the source's rate from frame `first` on, (n, D); beyond their ends the ends repeat.
            start: first frame.
            stop: after the last.
            first: number of the first of `values`.
        """
        ratio = self.source / self.target
        last = len(values) - 1
        places = [(frame + Fraction(1, 2)) * ratio - Fraction(1, 2) - first for frame in range(start, stop)]
        places = [min(max(place, Fraction(0)), Fraction(last)) for place in places]
        before = torch.tensor([math.floor(place) for place in places], dtype=torch.long)
        share = torch.tensor([float(place % 1) for place in places])
        return values[before].lerp(values[(before + 1).clamp(max=last)], share[:, None].to(values))


class Playback:
    """Frames at one rate out of windows of motion at another, as they come.

    Args:
        retiming: from the motion's rate to the frames'.
        first: number of the motion's next frame.
        last: the one before, (1, D), or none, (0, D).
    """

    def __init__(self, retiming: Retiming, first: int, last: Tensor):
        self.retiming, self.first, self.last = retiming, first, last

    def frames(self, window: Tensor, stop: int | None = None) -> Tensor:
        """The frames that can be made with one more window and not without it, (n, D).

        Args:
            window: (W, D).
            stop: number of all frames, where this is the last window.
        """
        known, known_first = torch.cat([self.last, window]), self.first - len(self.last)
        begin = self.retiming.made(self.first)
        self.first, self.last = self.first + len(window), window[-1:]
        end = self.retiming.made(self.first) if stop is None else stop
        return self.retiming(known, begin, max(begin, end), known_first)
