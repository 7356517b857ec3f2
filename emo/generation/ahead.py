"""Items that are made while the ones before them are in use."""

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any, TypeVar

import torch

T = TypeVar("T")
_OVER: Any = object()


class NotWanted(Exception):
    """Nobody waits for what is being made any more."""


def made_ahead(items: Iterator[T], unwanted: Event) -> Generator[T, None, None]:
    """The same items in the same order, each made in another thread while the one before is in use, and none sooner.

    What goes wrong with an item is raised in its place. When this iterator is closed, or ended by an error, the thread
    has ended too.

    Args:
        items: nobody else may touch them meanwhile. PyTorch has as many threads for them as for the caller.
        unwanted: set when no more is wanted; what makes the items looks at it often, and raises `NotWanted`.
    """
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(1, "ahead", initializer=torch.set_num_threads, initargs=(threads,)) as pool:
        try:
            coming: Future[T] = pool.submit(next, items, _OVER)
            while (item := coming.result()) is not _OVER:
                coming = pool.submit(next, items, _OVER)
                yield item
        finally:
            unwanted.set()  # the pool waits for its thread
