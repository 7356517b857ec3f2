"""Work in processes: each makes its context once, and the work gets it."""

import os
import signal
from functools import partial

import pytest
import torch

from emo import processes
from emo.processes import in_processes


class Counter:
    """A context that counts what it has been used for, and says in which process."""

    def __init__(self, start: int):
        self.count = start

    def add(self, item: int) -> tuple[int, int, int]:
        self.count += 1
        return item, self.count, os.getpid()


def fail(context: None, item: int) -> None:
    raise KeyError(item)


def nothing() -> None:
    return None


@pytest.mark.parametrize("workers", [1, 2])
def test_each_process_has_one_context_for_all_its_items(workers):
    threads = torch.get_num_threads()
    results = list(in_processes(Counter.add, range(7), workers, context=partial(Counter, 100)))
    assert sorted(item for item, _, _ in results) == list(range(7))
    here = {process for _, _, process in results} == {os.getpid()}
    assert here == (workers == 1)
    for process in {process for _, _, process in results}:
        counts = sorted(count for _, count, of in results if of == process)
        assert counts == list(range(101, 101 + len(counts)))
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("workers", [1, 2])
def test_what_the_work_raises_is_raised(workers):
    with pytest.raises(KeyError, match="3"):
        list(in_processes(fail, [3], workers, context=nothing))


def test_without_masks_of_signals_processes_ignore_interrupts_themselves(monkeypatch):
    """Windows has no `pthread_sigmask`."""
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.delattr(signal, "pthread_sigmask", raising=False)
    monkeypatch.setattr(processes.threading.Thread, "start", lambda thread: None)  # else it would end this process
    threads = torch.get_num_threads()
    with processes._interrupts_held():
        pass
    try:
        processes._start(lambda: "context")
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
        torch.set_num_threads(threads)
        processes._context = None
