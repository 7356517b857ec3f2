"""Frames on their way from who draws to who looks: each has its time, and is dropped where that is over."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

MAX_AHEAD = 0.3  # seconds that a clip waits for the end of the one before, which then is cut short


class DueFrames:
    """Shows frames evenly and soon: the newest whose time has come, and none of those before it.

    Args:
        clock: of the system, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._waiting: deque[tuple[float, np.ndarray]] = deque()
        self._changed = threading.Condition()
        self._next = 0.0
        self._ended = False

    def put(self, frames: Sequence[np.ndarray], fps: Fraction) -> None:
        """Frames that follow those before."""
        with self._changed:
            now = self._clock()
            start = max(now, self._next)
            if start > now + MAX_AHEAD:
                self._waiting.clear()
                start = now
            self._waiting.extend((float(start + place / fps), frame) for place, frame in enumerate(frames))
            self._next = float(start + len(frames) / fps)
            self._changed.notify()

    def end(self) -> None:
        """None follow; what waits is not shown."""
        with self._changed:
            self._waiting.clear()
            self._ended = True
            self._changed.notify()

    def take(self, timeout: float) -> np.ndarray | None:
        """The newest frame whose time has come, as soon as there is one; None after so many seconds, or at the end."""
        until = self._clock() + timeout
        with self._changed:
            while not self._ended and (now := self._clock()) < until:
                due = None
                while self._waiting and self._waiting[0][0] <= now:
                    due = self._waiting.popleft()[1]
                if due is not None:
                    return due
                first = self._waiting[0][0] if self._waiting else until
                self._changed.wait(min(first, until) - now)
        return None
