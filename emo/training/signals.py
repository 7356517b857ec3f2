"""Ctrl-C and SIGTERM end a run after the step at hand, so that it can be saved first."""

import atexit
import multiprocessing.util  # its exit handler, which ends workers by SIGTERM and waits, must run after ours
import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """While the context lasts, the first signal is remembered in `received`, and the second acts as usual."""

    def __init__(self):
        self.received: int | None = None
        self._before = {}

    def __enter__(self) -> "StopSignals":
        self._before = {number: signal.signal(number, self._remember) for number in SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def leave_signals_alone(worker: int) -> None:
    """For `DataLoader(worker_init_fn=...)`: what the whole process group is sent, the training process obeys."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@atexit.register
def _end_workers() -> None:
    """Workers that are left when the process exits, by an error for instance, do not hear SIGTERM any more."""
    workers = [child for child in multiprocessing.active_children() if child.daemon]
    if workers and hasattr(signal, "SIGCHLD"):  # Windows has none
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # or torch would raise an error for each
    for worker in workers:
        worker.kill()
