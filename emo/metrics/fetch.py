"""Networks of the catalogue come to this machine once, whole and checked, or not at all."""

from http.client import HTTPException
from pathlib import Path

from emo.downloads import cache_folder, download, is_offline, sha256
from emo.errors import EmoError, first_line
from emo.metrics.catalogue import Entry

KEPT = "extractors"
"""The kind of files that they are, in `cache_folder`."""


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
    offline = is_offline()
    if entry.repo is not None:
        path = _from_hub(entry, entry.repo, fetch and not offline)
        if (digest := sha256(path)) != entry.sha256:
            raise missing(entry, f"{path} is another file (sha256 {digest}, not {entry.sha256}): delete it")
        return path
    path = cache_folder(KEPT) / entry.file
    try:
        if path.is_file() and sha256(path) == entry.sha256:
            return path
        if not fetch or offline:
            raise missing(entry, "it is not in the cache, and HF_HUB_OFFLINE is set" if offline else _NOT_FETCHED)
        download(entry.url, path, entry.sha256, lambda why: missing(entry, why))
    except (OSError, HTTPException) as error:
        raise missing(entry, f"it cannot be fetched ({first_line(error)})") from error
    return path


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
