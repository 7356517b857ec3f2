"""What comes from another thread: sound on its way to who draws, clips on their way to who shows them."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from emo.errors import EmoError

POLL = 0.1  # seconds between looks at whether it is to stop
WAITING_CHUNKS = 250  # ten seconds of a microphone's


class Arriving:
    """What another thread makes, in order, until it has ended or is told to stop; what has come by then counts.

    Args:
        limit: how much may wait; whoever makes more has to wait himself.
    """

    def __init__(self, limit: int = WAITING_CHUNKS):
        self._queue: queue.Queue[Any] = queue.Queue(limit)
        self._stopped = threading.Event()
        self._ended = threading.Event()
        self._error: BaseException | None = None

    @property
    def full(self) -> bool:
        """Whether no more may wait."""
        return self._queue.full()

    def put(self, thing: Any) -> bool:
        """Add one, as soon as there is room; returns whether more is wanted."""
        while not self._stopped.is_set():
            try:
                self._queue.put(thing, timeout=POLL)
                return True
            except queue.Full:
                continue
        return False

    def put_at_once(self, thing: Any, error: EmoError) -> None:
        """Add one without waiting, if more is wanted; where there is no room, it ends with an error."""
        if self._stopped.is_set() or self._ended.is_set():
            return
        try:
            self._queue.put_nowait(thing)
        except queue.Full:
            self.end(error)

    def put_newest(self, thing: Any) -> bool:
        """Add one without waiting, if more is wanted; where there is no room, all that waits is dropped for it.

        Returns:
            Whether that was so.
        """
        if self._stopped.is_set() or self._ended.is_set():
            return False
        try:
            self._queue.put_nowait(thing)
        except queue.Full:
            self.drop()
            self._queue.put_nowait(thing)
            return True
        return False

    def drop(self, told: Callable[[Any], object] = lambda thing: None) -> None:
        """Forget what waits.

        Args:
            told: of each of it.
        """
        with suppress(queue.Empty):
            while True:
                told(self._queue.get_nowait())

    def end(self, error: BaseException | None = None) -> None:
        """Nothing comes after what has come.

        Args:
            error: to be raised then.
        """
        self._error = self._error or error
        self._ended.set()

    def stop(self) -> None:
        """Nothing more is wanted than what has come."""
        self._stopped.set()

    def __iter__(self) -> Iterator[Any]:
        while True:
            over = self._ended.is_set() or self._stopped.is_set()
            try:
                yield self._queue.get(timeout=0 if over else POLL)
            except queue.Empty:
                if over:
                    break
        if self._error is not None:
            raise self._error
