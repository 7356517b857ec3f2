"""Files from the network, kept on this machine: whole and checked, or not at all."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.request import Request, urlopen

from emo.errors import EmoError

TIMEOUT = 60  # seconds without a byte
CHUNK = 1 << 20


def cache_folder(kind: str) -> Path:
    """Where files are kept that are not the Hub's: in EMO_CACHE, else in `emo` of XDG_CACHE_HOME or ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("EMO_CACHE") or Path(home) / "emo") / kind


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids to ask the network, for our own files as well."""
    from huggingface_hub import constants

    return constants.is_offline_mode()


def sha256(path: Path) -> str:
    """A file's checksum."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def download(url: str, path: Path, checksum: str, error: Callable[[str], EmoError]) -> None:
    """Fetch a file, under another name until it is whole and right. Another process that wants it too waits.

    Args:
        checksum: its sha256; a file of that name that has it already is left as it is.
        error: makes an exception of what went wrong.

    Raises:
        error: what came is another file, or broke off.
        OSError: it cannot be fetched or written.
        HTTPException: the server's answer makes no sense.
    """
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with FileLock(path.with_name(path.name + ".lock")):
        if path.is_file() and sha256(path) == checksum:
            return
        try:
            digest = _receive(url, part, path.name, error)
            if digest != checksum:
                raise error(f"{url} gives another file (sha256 {digest}, not {checksum})")
            os.replace(part, path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _receive(url: str, part: Path, name: str, error: Callable[[str], EmoError]) -> str:
    """The checksum of what came."""
    from tqdm import tqdm

    digest = hashlib.sha256()
    count = 0
    request = Request(url, headers={"User-Agent": "emo"})
    with urlopen(request, timeout=TIMEOUT) as answer, part.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0) or None
        with tqdm(total=total, unit="B", unit_scale=True, desc=name, disable=None) as bar:
            while chunk := answer.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
                count += len(chunk)
                bar.update(len(chunk))
    if total is not None and count < total:
        raise error(f"{url} broke off after {count} of {total} bytes; try again")
    return digest.hexdigest()
