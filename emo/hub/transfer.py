"""Pipeline folders of any system go to repositories of the Hugging Face Hub, and back; and what their cards say."""

import os
from pathlib import Path

from huggingface_hub import snapshot_download

from emo.errors import OptionError
from emo.files import file_status
from emo.hub.registry import system_of
from emo.locks import is_new
from emo.store import (
    PushOptions,
    check_folder,
    check_listing,
    hub_errors,
    only_variant,
    repository_files,
    require_model_folder,
    send_folder,
    split_revision,
    write_card,
)


def push_folder(
    folder: str | os.PathLike,
    repo_id: str,
    *,
    commit_message: str | None = None,
    private: bool | None = None,
    revision: str | None = None,
    create_pr: bool = False,
    token: str | None = None,
    license: str | None = None,
    training_data: str | None = None,
) -> str:
    """Send a pipeline folder to the Hub in one commit, with a model card written from it.

    Weights of the same variant that the repository holds and the folder does not are removed there, so that no old
    shards stay behind; other variants and files stay. A card that somebody has made their own, in the folder or in the
    repository, stays as well.

    Args:
        repo_id: `org/name`; made where it does not exist.
        private: whether a new repository is; by default as the Hub decides.
        revision: branch to commit to; made where it does not exist.
        create_pr: propose the commit as a pull request.
        token: instead of that of `hf auth login` or HF_TOKEN.
        license, training_data: for the card; see `model_card`.

    Returns:
        The address of the commit.

    Raises:
        WeightsError: the folder is no whole pipeline, or holds pickle files.
        HubError: the Hub cannot be reached, or does not allow it.
    """
    require_model_folder(Path(folder))
    pipeline = system_of(folder).pipeline
    options = PushOptions(
        commit_message=commit_message,
        private=private,
        revision=revision,
        create_pr=create_pr,
        token=token,
        license=license,
        training_data=training_data,
    )
    return send_folder(folder, repo_id, pipeline.component_names(folder), pipeline.describe, options)


def pull_folder(
    repo_id: str, out: str | os.PathLike | None = None, *, revision: str | None = None, token: str | None = None
) -> Path:
    """Fetch a whole pipeline repository; interrupted, the same call goes on.

    Args:
        repo_id: `org/name` or `org/name@revision`.
        out: folder to fill; by default the local cache, where `from_pretrained(repo_id)` finds it without a network.

    Returns:
        The folder, checked.

    Raises:
        HubError: the repository cannot be had.
        OptionError: `out` holds something else.
        WeightsError: the repository holds pickle files, or is no whole pipeline of a system known here.
    """
    place, at = split_revision(repo_id)
    name = str(place)
    revision = revision or at
    if out is not None and file_status(out, OptionError) and not _may_be_filled(Path(out)):
        raise OptionError(f"{out} exists already; choose another --out or remove it")
    files = repository_files(name, revision=revision, token=token)
    check_listing(name, files)
    with hub_errors(name):
        local_dir = None if out is None else Path(out)
        folder = Path(snapshot_download(name, revision=revision, token=token, local_dir=local_dir))
    check_folder(folder, system_of(folder).pipeline.component_names(folder), only_variant(files))
    return folder if out is None else Path(out)


def model_card(folder: Path, repo_id: str, *, license: str | None = None, training_data: str | None = None) -> str:
    """The card of a pipeline folder, in Markdown with the Hub's header.

    Args:
        repo_id: the repository that it is for.
        license: as the Hub names it. By default what `card.json` in the folder says, else what the system does: for
            EMO Stable Diffusion's for a model of its size, and Apache 2.0 for all others.
        training_data: what the weights were trained on, in Markdown; by default what `card.json` says.

    Raises:
        WeightsError: the folder is of no system known here.
        ConfigError: `card.json` or `mechanisms.json` cannot be understood.
    """
    description = system_of(folder).pipeline.describe(folder)
    return write_card(folder, repo_id, description, license=license, training_data=training_data)


def _may_be_filled(out: Path) -> bool:
    """Whether a folder is empty, or holds what an earlier pull left."""
    return out.is_dir() and ((out / ".cache" / "huggingface").is_dir() or is_new(out))
