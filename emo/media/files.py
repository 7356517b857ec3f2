"""The checks every reader makes before it hands a path to a decoder."""

from pathlib import Path

from emo.errors import EmoError


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
