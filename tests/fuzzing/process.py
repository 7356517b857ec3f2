"""A worker process seen from outside: asked one case at a time, ended when it hangs or eats the machine's memory."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

WORKER = Path(__file__).with_name("worker.py")
START = 180.0  # seconds to import everything on a busy machine
TRACED = "trace=open,openat,openat2,connect,execve"


class WorkerProcess:
    """work: its folder. limit: seconds for a case. memory: bytes by which a case may let the process and its children
    grow. trace: a file for strace's log, or None."""

    def __init__(self, work: Path, seed: int, shared: Path, limit: float, memory: int, trace: Path | None = None):
        self.work, self.seed, self.shared, self.limit, self.memory = work, seed, shared, limit, memory
        self.trace, self._process, self.sizes = trace, None, []

    def do(self, number: int, pointer: bool | None) -> dict:
        """The answer of `worker.Worker.do`, or one that tells how the process ended."""
        if self._process is None:
            self._start()
        asked = json.dumps({"number": number, "pointer": pointer})
        self._process.stdin.write(asked.encode() + b"\n")
        self._process.stdin.flush()
        started, before, peak = time.monotonic(), self._size(), 0
        while True:
            if (answer := self._answer(0.1)) is not None:
                break
            peak = max(peak, self._size() - before)
            if fault := self._trouble(time.monotonic() - started, peak):
                answer = self._told(number) | {"number": number, "faults": [fault]}
                self._end()
                break
        if peak > self.memory and self._process:
            answer["faults"].append(f"memory: {peak / 1e9:.1f} GB more than before")
        if self._process:
            self.sizes.append(self._size())
        return answer | {"peak": peak}

    def close(self) -> None:
        """End the process and whatever it started."""
        self._end()

    def _start(self) -> None:
        tracer = ["strace", "-f", "-qq", "--seccomp-bpf", "-s", "300", "-e", TRACED, "-o", str(self.trace)]
        command = [sys.executable, str(WORKER), str(self.work), str(self.seed), str(self.shared)]
        self.work.mkdir(parents=True, exist_ok=True)
        self._log = open(self.work / "worker.log", "ab")  # noqa: SIM115 (as long as the process)
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8:strict"}
        self._process = subprocess.Popen(
            (tracer if self.trace else []) + command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            start_new_session=True,
        )
        self._rest = b""
        end = time.monotonic() + START
        while self._answer(0.5) is None:
            assert self._process.poll() is None, f"the worker does not start: {self.work / 'worker.log'}"
            assert time.monotonic() < end, "the worker does not start in time"
        self.sizes = []

    def _answer(self, seconds: float) -> dict | None:
        """The next line, if it comes within so long."""
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        if ready:
            self._rest += os.read(self._process.stdout.fileno(), 1 << 16)
        line, found, rest = self._rest.partition(b"\n")
        if not found:
            return None
        self._rest = rest
        return json.loads(line)

    def _trouble(self, seconds: float, peak: int) -> str:
        if (status := self._process.poll()) is not None:
            name = signal.Signals(-status).name if status < 0 else f"status {status}"
            return f"crash: the process ended by {name}"
        if seconds > self.limit:
            return f"hang: not done after {seconds:.0f} s"
        if peak > 3 * self.memory:
            return f"memory: {peak / 1e9:.1f} GB more than before, and ended there"
        return ""

    def _told(self, number: int) -> dict:
        """What the case was, as far as the process came."""
        folder = self.work / f"case-{number}"
        told = {"target": "?", "notes": [], "folder": str(folder)}
        if (folder / "case.json").is_file():
            told |= json.loads((folder / "case.json").read_text())
        return told

    def _size(self) -> int:
        total = 0
        with suppress(psutil.Error):
            process = psutil.Process(self._process.pid)
            for one in (process, *process.children(recursive=True)):
                total += one.memory_info().rss
        return total

    def _end(self) -> None:
        if self._process is None:
            return
        family = []
        with suppress(psutil.Error):
            family = psutil.Process(self._process.pid).children(recursive=True)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for process in family:
            with suppress(psutil.Error):
                process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._log):
            with suppress(BrokenPipeError):
                file.close()
        self._process = None


def traced_faults(log: Path, shared: Path) -> dict[int, set[str]]:
    """By case, what strace saw of canaries, other machines and other programs."""
    faults: dict[int, set[str]] = {}
    number = None
    for line in log.read_text(errors="replace").splitlines():
        if "/canary-free/case-" in line:
            number = int(line.split("/canary-free/case-")[1].split('"')[0].split("\\")[0])
        elif number is not None and "canary" in line and str(shared) not in line and "canary-%" not in line:
            faults.setdefault(number, set()).add(f"foreign file: strace saw {line.split(maxsplit=1)[-1][:200]}")
        elif number is not None and "connect(" in line and "AF_INET" in line and not _here(line):
            faults.setdefault(number, set()).add(f"call: strace saw {line.split(maxsplit=1)[-1][:200]}")
    return faults


def _here(line: str) -> bool:
    return "127.0.0.1" in line or '"::1"' in line or "AF_UNSPEC" in line
