"""One run at a time writes one output. The second is told who has it.

The lock is the kernel's, on a small file that says whose it is: `.NAME.lock` beside a file, `.emo.lock` in a folder.
Whoever is killed holds nothing any more; what then lies about is taken over by the next run, and removed at its end.
Where a file system knows no locks, work goes on without.
"""

import errno
import hashlib
import json
import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from emo.errors import EmoError, OutputError, unwritable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

IN_FOLDER = ".emo.lock"
LONGEST = 255  # bytes of a file's name
TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # what a lock says that another holds
BEYOND = 1 << 30  # the byte that Windows locks: its locks keep others from reading
NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # somebody else's would lead to any file
COMMAND = 80  # characters of a command that are shown


@dataclass
class _Held:
    """A lock of this process.

    Attributes:
        descriptor: of its open file.
        thread: that may take it again.
        uses: how often it has.
        sole: whether one of them refuses others in the same thread.
    """

    descriptor: int
    thread: int
    uses: int = 0
    sole: bool = False


_held: dict[str, _Held] = {}  # by the lock's path
_guard = threading.RLock()


@contextmanager
def claim(path: str | os.PathLike, *, sole: bool = False) -> Iterator[None]:
    """Be the only one to write a file, until the context ends.

    Within one thread it may be claimed again; other threads and processes are refused.

    Args:
        path: of the file; of a link what it points to.
        sole: refused to whom has a sole claim already, in this thread as well.

    Raises:
        OutputError: somebody else has it, who is named; or its name is too long, or its folder cannot be written to.
    """
    real = os.path.realpath(path)
    folder, name = os.path.split(real)
    lock = f".{name}.lock"
    if len(os.fsencode(lock)) > LONGEST:
        lock = f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}.lock"
    lock = os.path.join(folder, lock)
    try:
        with suppress(FileNotFoundError):
            os.lstat(f"{real}.tmp")  # as which a file is written before it gets its name
        held = _take(lock, path, sole)
    except OSError as problem:
        raise unwritable(path, problem) from problem
    try:
        yield
    finally:
        _give_back(lock, held, sole)


@contextmanager
def claim_folder(path: str | os.PathLike, error: type[EmoError] = OutputError) -> Iterator[None]:
    """Be the only one to write into a folder, until the context ends; see `claim`.

    The folder, and those above it, are made where they are not there, and go again if nothing came into them.

    Raises:
        OutputError: somebody else has it, who is named; or it cannot be made or written to.
        error: it is a file.
    """
    real = Path(os.path.realpath(path))
    made: list[Path] = []
    lock = str(real / IN_FOLDER)

    def take() -> _Held:
        made[:] = [folder for folder in (real, *real.parents) if not folder.exists()]
        real.mkdir(parents=True, exist_ok=True)
        return _take(lock, path)

    try:
        try:
            try:
                held = take()
            except FileNotFoundError:  # another run has ended meanwhile, and removed the folder that it had made
                held = take()
        except FileExistsError as problem:
            kind = "a link that leads back to itself" if real.is_symlink() else "a file"
            raise error(f"{path} is {kind}; give a folder") from problem
        except OSError as problem:
            raise OutputError(f"{path} cannot be written to ({problem.strerror}); choose another folder") from problem
        try:
            yield
        finally:
            _give_back(lock, held)
    finally:
        with suppress(OSError):
            for folder in made:
                folder.rmdir()


def is_new(folder: Path) -> bool:
    """Whether a folder is not there, or empty but for its lock."""
    return not folder.is_dir() or all(entry.name == IN_FOLDER for entry in folder.iterdir())


def _take(lock: str, path: str | os.PathLike, sole: bool = False) -> _Held:
    with _guard:
        held = _held.get(lock)
        if held is None:
            held = _held[lock] = _Held(_open_locked(lock, path), threading.get_ident())
        elif held.thread != threading.get_ident() or (sole and held.sole):
            raise _taken(path, held.descriptor)
        held.uses += 1
        held.sole |= sole
        return held


def _give_back(lock: str, held: _Held, sole: bool = False) -> None:
    with _guard:
        if _held.get(lock) is not held:  # a process that was split off
            return
        held.uses -= 1
        held.sole &= not sole
        if not held.uses:
            del _held[lock]
            _close(lock, held.descriptor)


def _open_locked(lock: str, path: str | os.PathLike) -> int:
    """The lock's file, opened, locked and signed."""
    while True:
        descriptor = _open(lock)
        try:
            if not _lock(descriptor):
                raise _taken(path, descriptor)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.lstat(lock)):
                    _sign(descriptor)
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its holder has removed it meanwhile


def _open(lock: str) -> int:
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | NO_LINK, 0o666)
    except PermissionError:
        if not os.path.exists(lock):
            raise
        return os.open(lock, os.O_RDONLY | NO_LINK)  # somebody else's, which can be locked all the same


def _lock(descriptor: int) -> bool:
    """Whether it is ours now; where there are no locks it always is."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, BEYOND, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in TAKEN
    return True


def _close(lock: str, descriptor: int) -> None:
    """Remove the file while nobody else can have locked it. On Windows nobody can remove it while it is open."""
    if sys.platform == "win32":
        os.close(descriptor)
    with suppress(OSError):
        os.unlink(lock)
    if sys.platform != "win32":
        os.close(descriptor)


def _forget() -> None:
    """In a process that was split off: the locks are not its own, and must not outlive whose they are."""
    global _guard
    _guard = threading.RLock()
    for held in _held.values():
        os.close(held.descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _sign(descriptor: int) -> None:
    """Say whose lock it is."""
    program = Path(sys.argv[0] or "python")
    command = [program.parent.name if program.name == "__main__.py" else program.name, *sys.argv[1:]]
    about = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time(), "command": shlex.join(command)}
    with suppress(OSError):  # a full disk is told of by the work itself
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(about).encode())


def _taken(path: str | os.PathLike, descriptor: int) -> OutputError:
    return OutputError(f"{path} is being written {_whose(descriptor)}; wait for it or choose another output")


def _whose(descriptor: int) -> str:
    """Who has signed it, in words."""
    for _ in range(20):  # it may be about to be signed
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            about = json.loads(os.read(descriptor, 1 << 16))
            pid = int(about["pid"])
            host = str(about["host"])
            command = str(about["command"])
            since = time.localtime(float(about["since"]))
            break
        except (OSError, ValueError, KeyError, TypeError):
            time.sleep(0.01)
    else:
        return "by another process"
    who = f"process {pid}" + (f" on {host}" if host != socket.gethostname() else "")
    if (pid, host) == (os.getpid(), socket.gethostname()):
        who = f"this very process ({pid})"
    today = time.strftime("%Y-%m-%d") == time.strftime("%Y-%m-%d", since)
    when = time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", since)
    command = command if len(command) <= COMMAND else f"{command[:COMMAND]} …"
    return f"by {who} since {when} ({command})"
