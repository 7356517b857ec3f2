"""What a case opens, starts, calls and leaves: seen from within the process, and by the kernel for its native code."""

import ctypes
import os
import socket
import struct
import sys
import sysconfig
import threading
from pathlib import Path

import psutil

IN_OPEN = 0x20
PLACES = ("/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/sys", "/dev", "/run", "/opt")
WRITABLE = ("/dev", "/proc/self")
PROGRAMS = ("ffmpeg", "python", "ldconfig", "uname", "fc-list")  # ours, and what libraries ask of the machine
HERE = (None, "127.0.0.1", "::1", "localhost", b"localhost", b"127.0.0.1")


class OpenedFiles:
    """Tells which files of a folder are opened, by whomever; blind where there is no inotify."""

    def __init__(self):
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        self.sees = self._libc is not None

    def __enter__(self) -> "OpenedFiles":
        if self.sees:
            self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            self.sees = self._descriptor >= 0
        return self

    def watch(self, folder: Path) -> None:
        if self.sees:
            self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), IN_OPEN)

    def names(self) -> set[str]:
        """Of the files opened since the last call."""
        found = set()
        while self.sees:
            try:
                events = os.read(self._descriptor, 1 << 16)
            except BlockingIOError:
                break
            place = 0
            while place < len(events):
                _, _, _, size = struct.unpack_from("iIII", events, place)
                name = events[place + 16 : place + 16 + size].rstrip(b"\0")
                found |= {os.fsdecode(name)} if name else set()
                place += 16 + size
        return found

    def __exit__(self, *exception: object) -> None:
        if self.sees:
            os.close(self._descriptor)


class Listener:
    """A port at which nobody has a reason to call."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._calls = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            self._calls += 1
            connection.close()

    def calls(self) -> int:
        """How many there were since the last time."""
        calls, self._calls = self._calls, 0
        return calls


class Hook:
    """Python's own report of what is opened, started and called, against what a case may do."""

    def __init__(self, work: Path, repository: Path):
        self.work = work
        self.own = (str(repository), sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *PLACES)
        self.given: tuple[str, ...] = ()
        self.writable: tuple[str, ...] = ()
        self.seen: set[str] = set()
        self.on = False

    def start(self, given: list[Path], writable: list[Path]) -> None:
        self.given, self.seen = tuple(map(str, given)), set()
        self.writable = tuple(map(str, writable))
        self.on = True

    def stop(self) -> set[str]:
        self.on = False
        return self.seen

    def event(self, event: str, arguments: tuple) -> None:
        """What `sys.addaudithook` calls."""
        if not self.on:
            return
        if event == "open" and not isinstance(arguments[0], int):
            name = os.fsdecode(arguments[0])
            if os.path.isabs(name) or os.path.exists(name):  # else it is a name within another, open folder
                self._open(os.path.abspath(name), arguments[2])
        elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
            program = os.path.basename(os.fsdecode(arguments[0] or arguments[1][0]))
            if not program.startswith(PROGRAMS):
                self.seen.add(f"started {program}")
        elif event == "socket.connect":
            if isinstance(arguments[1], tuple) and arguments[1][0] not in HERE:
                self.seen.add(f"called {arguments[1][0]}")
        elif event == "socket.getaddrinfo" and arguments[0] not in HERE:
            self.seen.add(f"looked up {arguments[0]}")

    def _open(self, path: str, flags: int) -> None:
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if path.startswith((*self.writable, *WRITABLE)):
            return
        if writes and "__pycache__" not in path:
            self.seen.add(f"wrote {path}")
        elif (
            not writes
            and path not in self.given
            and (path.startswith(str(self.work)) or not path.startswith(self.own))
        ):
            self.seen.add(f"read {path}")


def left_running() -> list[str]:
    """This process's children; Python's own helpers of multiprocessing stay for good."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        if command and "resource_tracker" not in " ".join(command):
            found.append(" ".join(command)[:200])
    return found
