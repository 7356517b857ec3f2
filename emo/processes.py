"""Independent pieces of work on all cores: each process sets itself up once, and none outlives the main one."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import torch


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(
    work: Callable[[Any], Any], items: Iterable, workers: int, set_up: Callable[..., None], arguments: tuple = ()
) -> Iterator[Any]:
    """Results of `work(item)` for all items, as they are finished; one thread of torch in each process.

    Args:
        work: a module's function; called in the processes, or here with one worker.
        items: picklable.
        workers: processes; 1 for this one.
        set_up: a module's function that every process calls once, with `arguments`, before its first item.

    Raises: what `work` raises. When stopped, the items at work are finished first; no process is left behind.
    """
    if workers == 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # as in processes: then all share torch's cache of compiled kernels
        try:
            set_up(*arguments)
            for item in items:
                yield work(item)
        finally:
            torch.set_num_threads(threads)
        return
    pending: set[Future] = set()
    with ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_start, initargs=(set_up, arguments)
    ) as pool:
        try:
            rest = iter(items)
            while True:
                for item in rest:
                    with _interrupts_held():
                        pending.add(pool.submit(work, item))
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
    """Processes started meanwhile never see Ctrl-C, nor do theirs; the main process does, and waits for its items."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(set_up: Callable[..., None], arguments: tuple) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    set_up(*arguments)


def _end_with_parent() -> None:
    """A killed main process leaves nobody behind who writes into the folder."""
    multiprocessing.parent_process().join()
    os._exit(1)
