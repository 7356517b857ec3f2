"""Runs of a command in processes of their own, forked from one that has imported everything: so they are quick."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

LIMIT = 300.0  # seconds for a run
GRACE = 10.0  # seconds until nobody of a killed family may run any more


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit status, or −9 if it was killed; what it said; how long it took."""

    status: int
    out: str
    err: str
    seconds: float


class Run:
    """A call in a new process, in a session of its own. log: where what it says goes. temporary: its TMPDIR."""

    def __init__(self, call: Callable[[], int], log: Path, temporary: Path):
        self.log, self.started = log, time.monotonic()
        sys.stdout.flush(), sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._child(call, temporary)

    def _child(self, call: Callable[[], int], temporary: Path) -> None:
        status = 1
        try:
            os.setsid()
            for number, name in ((1, "out"), (2, "err")):
                file = os.open(self.log.with_suffix(f".{name}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(file, number)
            os.environ["TMPDIR"] = str(temporary)
            status = call()
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)

    def alive(self) -> bool:
        return psutil.pid_exists(self.pid) and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE

    def kill(self) -> None:
        """`kill -9` of this process alone: whoever it has started must notice."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Ended:
        """Wait for the end."""
        while self.alive():
            if time.monotonic() - self.started > LIMIT:
                os.killpg(self.pid, signal.SIGKILL)
            time.sleep(0.005)
        seconds = time.monotonic() - self.started
        _, status = os.waitpid(self.pid, 0)
        out, err = (self.log.with_suffix(f".{name}").read_text(errors="replace") for name in ("out", "err"))
        return Ended(os.waitstatus_to_exitcode(status), out, err, seconds)

    def family(self) -> list[str]:
        """Who of this session still runs after GRACE."""
        end = time.monotonic() + GRACE
        while found := self._session():
            if time.monotonic() > end:
                told = []
                for process in found:
                    with suppress(psutil.Error):
                        told.append(f"left running: {' '.join(process.cmdline())[:100]}")  # a dead one says nothing
                        process.kill()
                return told
            time.sleep(0.05)
        return []

    def _session(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                if os.getsid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found
