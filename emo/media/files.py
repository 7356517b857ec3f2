"""Files: the checks before a path goes to a decoder, finding them in folders, and writing them whole or not at all."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from emo.errors import EmoError, OptionError, OutputError


def require_file(path: Path, error: type[EmoError]) -> None:
    """Check that `path` is a file with something in it.

    Raises:
        error: naming the path, if it is missing, a directory or 0 bytes long.
    """
    if path.is_dir():
        raise error(f"{path} is a directory; give a file")
    if not path.is_file():
        raise error(f"{path} does not exist; check the name and the folder")
    if path.stat().st_size == 0:
        raise error(f"{path} is empty (0 bytes); copy or download it again")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that nobody ever sees half of it.

    Raises:
        OutputError: naming the file, if it cannot be written or the disk is full.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise OutputError(f"{path} cannot be written ({error.strerror}); free space and repeat") from error


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Tell of what goes wrong with a folder's files.

    Raises:
        OutputError: naming the folder, if it cannot be made or written to.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to ({error.strerror}); choose another folder") from error


def find_files(place: Path, suffixes: Sequence[str], option: str) -> list[Path]:
    """The files below a folder with one of these endings (lower case, with the dot), sorted; a file is itself.

    Raises:
        OptionError: naming `option`, if there is no such folder, or nothing of the kind in it.
    """
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise OptionError(f"{option} {place}: there is no such file or folder")
    found = sorted(path for path in place.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    if not found:
        raise OptionError(f"{option} {place}: no file there ends in {', '.join(suffixes)}")
    return found
