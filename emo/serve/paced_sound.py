"""A client's sound on its way to the model, at the pace at which it will be heard, and silence where there is none."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from emo.media import INTERRUPTION, Chunk

PIECE_SECONDS = 0.04  # that are given at a time
LATE_SECONDS = 0.15  # that a client who speaks may be late, before silence takes its place
CATCHING_UP_SECONDS = 0.5  # of silence that are made up for at most, where drawing fell behind


class Stopped(Exception):
    """Nobody wants the sound any more."""


class PacedSound:
    """An iterator of chunks that runs by the clock, between two threads: one that hears, one that draws.

    It is never ahead of the clock. Where drawing falls behind, sound that waits follows as fast as it is drawn; if
    more than `delay` waits, the oldest of it is dropped.

    Args:
        rate: in Hz.
        delay: seconds that may wait.
        idle: whether silence takes the place of sound that does not come; else nothing is given then.
        waited: told of every piece how long it had waited, in seconds.
        clock: of the system, in seconds.
    """

    def __init__(
        self,
        rate: int,
        delay: float,
        idle: bool = True,
        waited: Callable[[float], object] = lambda seconds: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.rate = rate
        self._most, self._piece = round(delay * rate), round(PIECE_SECONDS * rate)
        self._idle, self._waited, self._clock = idle, waited, clock
        self._changed = threading.Condition()
        self._waiting: deque[tuple[np.ndarray, float]] = deque()  # pieces of sound, and when they came
        self._queued = 0  # samples of them
        self._speaking = self._interrupted = self._ended = self._stopped = False
        self._due: float | None = None  # when the next piece is to be given
        self._given: list[tuple[np.ndarray, float]] = []  # pieces that are in no frame yet, and when they were given

    @property
    def interrupted(self) -> bool:
        """Whether there was an interruption that whoever draws does not know of yet."""
        return self._interrupted

    def hear(self, samples: np.ndarray) -> float:
        """Add sound, float32 (N,); returns how many seconds of what waited were dropped for it."""
        with self._changed:
            if self._ended or not len(samples):
                return 0.0
            self._waiting.append((samples, self._clock()))
            self._queued += len(samples)
            dropped = max(0, self._queued - self._most)
            self._take(dropped)
            self._changed.notify_all()
            return dropped / self.rate

    def interrupt(self) -> float:
        """Drop what waits, and what was given and is in no frame yet; returns how many seconds waited."""
        with self._changed:
            dropped = self._queued
            self._waiting.clear()
            self._queued = 0
            self._interrupted, self._speaking = True, False
            self._changed.notify_all()
            return dropped / self.rate

    def hurry(self, seconds: float) -> None:
        """Go on at once, as so much of what was drawn is not shown."""
        with self._changed:
            self._due = None if self._due is None else self._due - seconds
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing follows what has come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Nothing is wanted any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Chunk]:
        while (chunk := self._next()) is not None:
            yield chunk

    def taken(self, count: int) -> tuple[np.ndarray, float]:
        """What was given first and is in no frame yet.

        Returns:
            So many samples, float32 (count,), silence beyond the end, and when the first of them was given.
        """
        since = self._given[0][1] if self._given else self._clock()
        parts, missing = [], count
        while missing and self._given:
            samples, when = self._given.pop(0)
            parts.append(samples[:missing])
            if len(samples) > missing:
                self._given.insert(0, (samples[missing:], when))
            missing -= len(parts[-1])
        return np.concatenate([*parts, np.zeros(missing, np.float32)]), since

    def _next(self) -> Chunk | None:
        """The next piece when its time has come; None at the end."""
        with self._changed:
            while True:
                if self._stopped:
                    raise Stopped
                if self._interrupted:
                    self._interrupted = False
                    self._given = [(np.zeros_like(samples), when) for samples, when in self._given]
                    return INTERRUPTION
                now = self._clock()
                self._due = now if self._due is None else self._due
                if not self._queued:
                    if self._ended:
                        return None
                    self._due = max(self._due, now - CATCHING_UP_SECONDS)
                wanted = self._due + (LATE_SECONDS if self._speaking and not self._queued else 0)
                if now >= wanted and (self._queued or self._idle):
                    return self._give(now)
                dry = not self._queued
                self._changed.wait(wanted - now if self._queued or self._idle else None)
                if dry:
                    self._due = max(self._due, self._clock() - CATCHING_UP_SECONDS)

    def _give(self, now: float) -> Chunk:
        self._speaking = bool(self._queued)
        if self._speaking:
            self._waited(now - self._waiting[0][1])
            piece = self._take(self._piece)
        else:
            piece = np.zeros(self._piece, np.float32)
        assert self._due is not None
        self._due += len(piece) / self.rate
        self._given.append((piece, now))
        return piece, self.rate

    def _take(self, count: int) -> np.ndarray:
        """At most so many of the samples that wait, the oldest."""
        parts = [np.zeros(0, np.float32)]
        while count and self._waiting:
            samples, came = self._waiting.popleft()
            parts.append(samples[:count])
            if len(samples) > count:
                self._waiting.appendleft((samples[count:], came))
            count -= len(parts[-1])
            self._queued -= len(parts[-1])
        return np.concatenate(parts)
