"""A pipeline in a repository of the Hugging Face Hub: looked at before it is fetched; plain errors."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from huggingface_hub import constants, errors, get_cached_repo_tree, model_info

from emo.errors import EmoError, HubError, WeightsError, first_line
from emo.store.index import MODEL_INDEX

PICKLES = {".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"}
_HTTPError = errors.HTTPError  # pyright: ignore[reportPrivateImportUsage] (of the client that the Hub's library uses)
_WITH_REVISION = re.compile(r"([\w.-]+/[\w.-]+)@(.+)")


def split_revision(name: str | os.PathLike) -> tuple[str | os.PathLike, str | None]:
    """`org/name@revision` as name and revision; folders and plain names as they are, with `None`."""
    match = _WITH_REVISION.fullmatch(str(name))
    return (match[1], match[2]) if match and not Path(name).exists() else (name, None)


def check_listing(repo_id: str, files: Iterable[str]) -> None:
    """Refuse a repository by the names of its files.

    Raises:
        WeightsError: there is a pickle file among them, or no pipeline's index.
    """
    refuse_pickles(repo_id, files)
    if MODEL_INDEX not in files:
        raise WeightsError(f"{repo_id}: {MODEL_INDEX} is missing there, so this is no pipeline")


def refuse_pickles(place: str, files: Iterable[str]) -> None:
    """Refuse files that may run any code when loaded.

    Raises:
        WeightsError: naming the first of them.
    """
    if pickles := sorted(file for file in files if PurePosixPath(file).suffix.lower() in PICKLES):
        raise WeightsError(
            f"{place}: {pickles[0]} is a pickle file; those are never loaded, only safetensors are. Remove it or "
            "convert it"
        )


def repository_files(
    repo_id: str,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> list[str]:
    """Paths of all files of a model repository; what the local cache knows where the Hub cannot or shall not be asked.

    Raises:
        HubError: it cannot be listed.
    """
    with hub_errors(repo_id):
        unreachable = None
        if not local_files_only and not constants.is_offline_mode():
            try:
                return [file.rfilename for file in model_info(repo_id, revision=revision, token=token).siblings or []]
            except _HTTPError as error:
                if isinstance(error, errors.HfHubHTTPError):  # the Hub has answered
                    raise
                unreachable = error
        try:
            return [file.path for file in get_cached_repo_tree(repo_id, revision=revision, cache_dir=cache_dir)]
        except errors.CachedRepoTreeNotFoundError as error:
            raise (unreachable or error) from None


@contextmanager
def hub_errors(repo_id: str) -> Iterator[None]:
    """Turn what huggingface_hub raises for network, login and missing repositories into one sentence.

    Raises:
        HubError: naming the repository and what to do.
    """
    try:
        yield
    except EmoError:
        raise
    except Exception as error:
        for cause in (error, error.__cause__, error.__context__):
            if cause is not None and (meaning := _meaning(repo_id, cause)):
                raise HubError(f"{repo_id}: {meaning}") from error
        raise


def _meaning(repo_id: str, error: BaseException) -> str | None:
    """What a Hub error means for the user; `None` for any other error. Subclasses come before their bases."""
    if isinstance(error, errors.GatedRepoError):
        return f"its terms have to be accepted first, at {constants.ENDPOINT}/{repo_id}; then `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"there is no such repository at {constants.ENDPOINT}, or it is private; check the name, and log in with "
            "`hf auth login` or set HF_TOKEN if it is private"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return "there is no such revision; give a branch, a tag or a commit of the repository"
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return f"a file is missing there ({error.server_message or first_line(error)}); is it a whole pipeline?"
    if isinstance(error, errors.HFValidationError):
        return f"not a name of a repository ({first_line(error)}); give org/name"
    if isinstance(error, errors.LocalTokenNotFoundError):
        return "a token is needed; log in with `hf auth login` or set HF_TOKEN"
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        answer = error.server_message or first_line(error)
        if status == 401:
            return f"the Hub does not accept the login ({answer}); repeat `hf auth login` or set HF_TOKEN"
        if status == 403:
            return f"the login does not allow this ({answer}); use a token that may write there"
        return f"the Hub answers with an error ({answer}); try again later"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so the Hub is not asked; unset it"
    if isinstance(
        error, errors.LocalEntryNotFoundError | errors.CachedRepoTreeNotFoundError | errors.RevisionResolutionError
    ):
        return (
            f"not, or not all of it, in the local cache, and {constants.ENDPOINT} was not to be asked or did not "
            "answer; check the connection, and fetch it once with `emo pull`"
        )
    if isinstance(error, _HTTPError):  # what the client raises for connections that fail or take too long
        return f"{constants.ENDPOINT} cannot be reached ({first_line(error)}); check the connection"
    return None
