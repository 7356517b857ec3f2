"""Independent pieces of work on all cores: each process makes its context once, and none outlives the main one."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

ContextT = TypeVar("ContextT")
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def in_processes(
    work: Callable[[ContextT, ItemT], ResultT],
    items: Iterable[ItemT],
    workers: int,
    *,
    context: Callable[[], ContextT],
) -> Iterator[ResultT]:
    """Results of `work(context, item)` for all items, as they are finished; one thread of torch in each process.

    Args:
        work: a module's function, or a method as its class has it; called in the processes, or here with one worker.
        items: picklable.
        workers: processes; 1 for this one.
        context: makes what `work` gets beside each item, such as loaded networks; every process calls it once, before
            its first item. A module's function or class, or a `functools.partial` of one.

    Raises: what `work` or `context` raises. When stopped, the items at work are finished first; no process is left
        behind.
    """
    if workers == 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # as in processes: then all share torch's cache of compiled kernels
        try:
            own = context()
            for item in items:
                yield work(own, item)
        finally:
            torch.set_num_threads(threads)
        return
    pending: set[Future[ResultT]] = set()
    with ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_start, initargs=(context,)
    ) as pool:
        try:
            rest = iter(items)
            while True:
                for item in rest:
                    with _interrupts_held():
                        pending.add(pool.submit(_work, work, item))
                    if len(pending) >= 2 * workers:
                        break
                if not pending:
                    return
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes started meanwhile never see Ctrl-C, nor do theirs; the main process does, and waits for its items.

    Windows has no masks: there `_start` does it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_context: Any = None  # of this process, if `in_processes` has started it


def _start(context: Callable[[], Any]) -> None:
    global _context
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if not hasattr(signal, "pthread_sigmask"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _context = context()


def _work(work: Callable[[Any, ItemT], ResultT], item: ItemT) -> ResultT:
    return work(_context, item)


def _end_with_parent() -> None:
    """A killed main process leaves nobody behind who writes into the folder."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    os._exit(1)
