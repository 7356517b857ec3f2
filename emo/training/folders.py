"""Folders that are whole or not there, whenever the process, the disk or the power ends; and one line that says why
something could not be written."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from emo.errors import OutputError

NEW, OLD = ".emo-new", ".emo-old"  # names nobody uses: of what is filled or emptied, and of what makes way, whole
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO)
REFUSALS = (*FULL, errno.EACCES, errno.EPERM)  # what a disk says, whichever file it is
PROBE = 2**20  # bytes
TORCH_WRITER = ("inline_container", "PytorchStreamWriter", "iostream error", "cannot be opened", "Parent directory")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of `path` when the context ends without an error.

    Raises:
        OutputError: the disk does not take it; half a folder does not stay.
    """
    temporary = path.with_name(path.name + NEW)
    try:
        with writing(path):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            yield temporary
            put_in_place(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a finished folder, once the disk has it; one that stood there before makes way at the last moment."""
    _sync_all(temporary)
    old = path.with_name(path.name + OLD)
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        os.replace(path, old)
    os.replace(temporary, path)
    _sync_names(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def remove(path: Path) -> None:
    """Delete a folder, of which nobody sees a half meanwhile."""
    half = path.with_name(path.name + NEW)
    shutil.rmtree(half, ignore_errors=True)
    os.replace(path, half)
    shutil.rmtree(half, ignore_errors=True)


def tidy(folder: Path, pattern: str) -> None:
    """Put right what a killed process left: half folders go; one that made way returns if none took its place."""
    with writing(folder):
        for half in folder.glob(pattern + NEW):
            shutil.rmtree(half)
        for old in folder.glob(pattern + OLD):
            path = old.with_name(old.name.removesuffix(OLD))
            if path.exists():
                shutil.rmtree(old)
            else:
                os.replace(old, path)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Say in one line what cannot be written and why. Errors of another kind pass as they are.

    Raises:
        OutputError: naming `place`, if the disk is full or takes no files.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = _reason(error, place)
        if reason is None:
            raise
        raise OutputError(
            f"{place} cannot be written ({reason}); what was saved before is whole: make room there and go on with "
            "--resume latest"
        ) from error


def _reason(error: Exception, place: Path) -> str | None:
    """Why a file could not be written; `None` for errors that are not about files.

    Of safetensors' error the number stands in its text. torch.save has nothing but a RuntimeError, as CUDA has, in
    words that change with the byte at which the disk was full: so the disk is asked again.
    """
    if isinstance(error, OSError) and error.errno:
        blamed = error.errno in REFUSALS if error.filename is None else _within(error.filename, place)
        return error.strerror or os.strerror(error.errno) if blamed or error.errno in FULL else None
    if found := re.search(r"os error (\d+)", str(error)):
        return os.strerror(int(found[1])) if int(found[1]) in REFUSALS else None
    torch_said = any(sign in str(error) for sign in TORCH_WRITER)
    return _refusal(place) or ("the disk did not take all of it" if torch_said else None)


def _within(name: str | bytes | int, place: Path) -> bool:
    """Whether a file lies below a place, or below what is to become it."""
    if isinstance(name, int):
        return False
    parts, above = Path(os.fsdecode(name)).absolute().parts, place.absolute().parent.parts
    names = {place.name + ending for ending in ("", NEW, OLD, ".tmp")}
    return parts[: len(above)] == above and parts[len(above) :][:1] in {(one,) for one in names}


def _refusal(place: Path) -> str | None:
    """What the disk says to a little more in the nearest folder that there is."""
    folder = next(parent for parent in (place, *place.absolute().parents) if parent.is_dir())
    probe = folder / f".room{NEW}"
    try:
        with probe.open("wb") as file:
            file.write(bytes(PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return None


def _sync_all(folder: Path) -> None:
    """Wait until the disk has all files of a folder: a rename may reach it before what was written earlier."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(parent, name), "r+b") as file:
                os.fsync(file.fileno())
        _sync_names(Path(parent))


def _sync_names(folder: Path) -> None:
    with suppress(OSError):  # not every system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
