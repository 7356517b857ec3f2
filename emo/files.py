"""Files: what is said of a path before anything is done with it, and writing whole or not at all."""

import errno
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from emo.errors import EmoError, OutputError, unwritable

Error = Callable[[str], EmoError]
"""An exception of the family, or what makes one of a message."""

ADDRESS = re.compile(r"(?!file:)([a-z][a-z0-9+.-]+):/+(?=[^/])|(data):", re.IGNORECASE)


def file_status(path: str | os.PathLike, error: Error) -> os.stat_result | None:
    """What the system knows of a file or folder, None where there is nothing of that name.

    Raises:
        error: naming the path, if it may not be looked at, is too long, or a link that leads back to itself.
    """
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as problem:
        raise error(never_a_file(path) or _trouble(path, problem)) from problem


def require_file(path: Path, error: Error, advice: str = "check the name and the folder") -> None:
    """Check that `path` is a file with something in it that may be read.

    Args:
        advice: what to do where it is not there.

    Raises:
        error: naming the path, if it is anything else.
    """
    status = file_status(path, error)
    if status is None:
        raise error(never_a_file(path) or f"{path} does not exist; {advice}")
    if stat.S_ISDIR(status.st_mode):
        raise error(f"{path} is a directory; give a file")
    if not stat.S_ISREG(status.st_mode):
        raise error(f"{path} is a pipe or a device; a file is needed: save what comes from it and give that")
    if status.st_size == 0:
        raise error(f"{path} is empty (0 bytes); copy or download it again")
    try:
        open(path, "rb").close()
    except OSError as problem:
        raise error(_trouble(path, problem)) from problem


def require_folder(path: Path, error: Error, advice: str) -> None:
    """Check that `path` is a folder whose names may be read.

    Raises:
        error: naming the path, if it is anything else.
    """
    status = file_status(path, error)
    if status is None:
        raise error(never_a_file(path) or f"{path} does not exist; {advice}")
    if not stat.S_ISDIR(status.st_mode):
        raise error(f"{path} is no folder; {advice}")
    try:
        os.scandir(path).close()
    except OSError as problem:
        raise error(_trouble(path, problem)) from problem


def written_file(path: str | os.PathLike) -> Path:
    """The file that is written where a command names `path`: the same, or what it is a link to, there or not.

    Raises:
        OutputError: naming the path, if it is a link that leads back to itself, a pipe or a device.
    """
    path = Path(path)
    target = Path(os.path.realpath(path)) if os.path.islink(path) else path
    if os.path.islink(target):
        raise OutputError(f"{path} is a link that leads back to itself; choose another name")
    if os.path.exists(target) and not (os.path.isfile(target) or os.path.isdir(target)):
        raise OutputError(f"{path} is a pipe or a device; give the name of a file")
    return target


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that nobody ever sees half of it. Links stay links.

    Raises:
        OutputError: naming the file, if it cannot be written or the disk is full.
    """
    target = written_file(path)
    temporary = target.with_name(target.name + ".tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise unwritable(path, error) from error


def read_json_object(file: Path, error: Error) -> dict[str, Any]:
    """The JSON object in a file that is there.

    Raises:
        error: naming the file, if it holds anything else.
    """
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise error(f"{file}: not valid JSON ({problem})") from None
    if not isinstance(value, dict):
        raise error(f"{file}: not a JSON object")
    return value


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


def never_a_file(path: str | os.PathLike) -> str | None:
    """What to say of a text that never was the name of a file."""
    text = os.fspath(path)
    if text == "-":
        return "- stands for no file here; a file is needed: save what comes in and give that"
    if match := ADDRESS.match(text):
        address = text if match[2] else f"{match[1]}://{text[match.end() :]}"  # a path has one slash alone
        return f"{address} is an address; a file is needed: download it and give that"
    return None


def _trouble(path: str | os.PathLike, problem: OSError | ValueError) -> str:
    """Why a path cannot be read, in words."""
    if isinstance(problem, PermissionError):
        return f"{path} may not be read ({problem.strerror}); change the permissions of the file or of its folders"
    number = getattr(problem, "errno", None) or 0
    reason = getattr(problem, "strerror", problem)
    advice = {errno.ENAMETOOLONG: "give a shorter name", errno.ELOOP: "its links lead back to themselves"}
    return f"{path} cannot be read ({reason}); {advice.get(number, 'check the name and the disk')}"
