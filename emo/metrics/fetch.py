"""Networks of the catalogue come to this machine once, whole and checked, or not at all."""

import hashlib
import os
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from emo.errors import EmoError, first_line
from emo.metrics.catalogue import Entry

TIMEOUT = 60  # seconds without a byte
CHUNK = 1 << 20


class MissingExtractor(EmoError):
    """A measure's network is not on this machine; the measures that need none still run."""


def locate(entry: Entry, *, fetch: bool = True) -> Path:
    """The file of an entry, from the cache or its address; its checksum is right.

    Files of the Hugging Face Hub lie in that one's own cache, others in `cache_folder`.

    Args:
        fetch: whether to ask the network; HF_HUB_OFFLINE forbids it as well.

    Raises:
        MissingExtractor: it is not there and cannot or may not be fetched, or what came is another file.
    """
    from huggingface_hub import constants

    offline = constants.is_offline_mode()
    if entry.repo is not None:
        path = _from_hub(entry, entry.repo, fetch and not offline)
        if (digest := sha256(path)) != entry.sha256:
            raise missing(entry, f"{path} is another file (sha256 {digest}, not {entry.sha256}): delete it")
        return path
    path = cache_folder() / entry.file
    try:
        if path.is_file() and sha256(path) == entry.sha256:
            return path
        if not fetch or offline:
            raise missing(entry, "it is not in the cache, and HF_HUB_OFFLINE is set" if offline else _NOT_FETCHED)
        _download(entry, path)
    except (OSError, HTTPException) as error:
        raise missing(entry, f"it cannot be fetched ({first_line(error)})") from error
    return path


def cache_folder() -> Path:
    """Where files that are not the Hub's are kept: EMO_CACHE, else `emo` in XDG_CACHE_HOME or in ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("EMO_CACHE") or Path(home) / "emo") / "extractors"


def sha256(path: Path) -> str:
    """A file's checksum."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def missing(entry: Entry, why: str) -> MissingExtractor:
    """What to say of an entry that is not on this machine."""
    return MissingExtractor(
        f"{entry.described} is needed, but {why}; get it from {entry.url} and give the file's path in place of "
        f"{entry.name!r}"
    )


_NOT_FETCHED = "it is not in the cache, and was not to be fetched"


def _from_hub(entry: Entry, repo: str, ask: bool) -> Path:
    from huggingface_hub import errors, hf_hub_download

    try:
        return Path(hf_hub_download(repo, entry.file, revision=entry.revision, local_files_only=not ask))
    except errors.LocalEntryNotFoundError as error:
        why = "it is not in the cache, and the Hub does not answer" if ask else _NOT_FETCHED
        raise missing(entry, why) from error
    # The client's own error, whichever library it is of in this version.
    except (errors.HTTPError, errors.HfHubHTTPError, errors.OfflineModeIsEnabled, OSError) as error:  # pyright: ignore[reportPrivateImportUsage]
        raise missing(entry, f"it cannot be fetched ({first_line(error)})") from error


def _download(entry: Entry, path: Path) -> None:
    """Under another name until it is whole and right. Another process that wants the same file waits."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with FileLock(path.with_name(path.name + ".lock")):
        if path.is_file() and sha256(path) == entry.sha256:
            return
        try:
            digest = _receive(entry, part)
            if digest != entry.sha256:
                raise missing(entry, f"{entry.url} gives another file (sha256 {digest}, not {entry.sha256})")
            os.replace(part, path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _receive(entry: Entry, part: Path) -> str:
    """The checksum of what came."""
    from tqdm import tqdm

    digest = hashlib.sha256()
    count = 0
    request = Request(entry.url, headers={"User-Agent": "emo"})
    with urlopen(request, timeout=TIMEOUT) as answer, part.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0) or None
        with tqdm(total=total, unit="B", unit_scale=True, desc=entry.file, disable=None) as bar:
            while chunk := answer.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
                count += len(chunk)
                bar.update(len(chunk))
    if total is not None and count < total:
        raise missing(entry, f"{entry.url} broke off after {count} of {total} bytes; try again")
    return digest.hexdigest()
