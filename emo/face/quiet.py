"""Silence for native libraries that log to file descriptor 2 behind Python's back."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.RLock()  # two threads restoring in the wrong order would leave the process mute


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Send everything written to file descriptor 2 to the null device for the length of the block.

    Reaches C++ code (MediaPipe, TensorFlow Lite, absl), which `contextlib.redirect_stderr` does not. Exceptions pass
    through. The descriptor belongs to the whole process: keep the block short (construction and the first call).
    Does nothing where the process has no descriptor 2 (a windowed or detached process).
    """
    with _lock:
        if sys.stderr is not None and not sys.stderr.closed:
            sys.stderr.flush()
        try:
            saved = os.dup(2)
        except OSError:
            yield
            return
        try:
            with open(os.devnull, "wb") as null:
                os.dup2(null.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
