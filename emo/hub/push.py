"""A pipeline folder goes to a repository of the Hugging Face Hub, and back."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download, snapshot_download

from emo.errors import OptionError, WeightsError
from emo.files import look, require_folder
from emo.hub.card import CARD, WRITTEN, model_card
from emo.locks import is_new
from emo.pipelines import EMOPipeline
from emo.store.checks import check_folder, component_names, replaced_weights, variant_of
from emo.store.repository import check_listing, hub_errors, refuse_pickles, repository_files, split_revision


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
    folder = Path(folder)
    require_folder(folder, WeightsError, "there is no such folder; give a pipeline folder (`emo init` makes one)")
    files = _files(folder)
    refuse_pickles(str(folder), files)
    check_folder(folder, EMOPipeline._get_signature_keys(EMOPipeline)[0], _only_variant(files))
    said = dict(license=license, training_data=training_data)
    model_card(folder, repo_id, **said)  # what is wrong with it is said before anything is made there
    api = HfApi(token=token)
    with hub_errors(repo_id):
        repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        if revision is not None:
            api.create_branch(repo_id, branch=revision, exist_ok=True)
    there = repository_files(repo_id, revision=revision, token=token)
    operations = [CommitOperationAdd(path, folder / path) for path in files if path != CARD]
    operations += [CommitOperationDelete(path) for path in replaced_weights(there, files)]
    if CARD in files and WRITTEN not in (folder / CARD).read_text("utf-8"):
        operations.append(CommitOperationAdd(CARD, folder / CARD))
    elif not (CARD in there and _edited(repo_id, revision, token)):
        card = model_card(folder, repo_id, **said, also=there)
        operations.append(CommitOperationAdd(CARD, card.encode()))
    with hub_errors(repo_id):
        commit = api.create_commit(
            repo_id,
            operations,
            commit_message=commit_message or "Upload EMOPipeline",
            revision=revision,
            create_pr=create_pr,
        )
    return commit.pr_url or commit.commit_url


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
        WeightsError: the repository holds pickle files, or is no whole pipeline.
    """
    name, at = split_revision(repo_id)
    revision = revision or at
    if out is not None and look(out, OptionError) and not _may_be_filled(Path(out)):
        raise OptionError(f"{out} exists already; choose another --out or remove it")
    files = repository_files(name, revision=revision, token=token)
    check_listing(name, files)
    with hub_errors(name):
        folder = Path(snapshot_download(name, revision=revision, token=token, local_dir=out))
    check_folder(folder, EMOPipeline._get_signature_keys(EMOPipeline)[0], _only_variant(files))
    return folder if out is None else Path(out)


def _files(folder: Path) -> list[str]:
    """What belongs to a pipeline: all of its components' folders and of its own, but for hidden and compiled files."""
    places = [folder.glob("*"), *((folder / name).rglob("*") for name in component_names(folder))]
    paths = sorted(path.relative_to(folder) for place in places for path in place if path.is_file())
    return [p.as_posix() for p in paths if not any(part.startswith((".", "__pycache__")) for part in p.parts)]


def _may_be_filled(out: Path) -> bool:
    """Whether a folder is empty, or holds what an earlier pull left."""
    return out.is_dir() and ((out / ".cache" / "huggingface").is_dir() or is_new(out))


def _only_variant(files: Iterable[str]) -> str | None:
    """The variant to check a folder by: `None` where it holds plain weights."""
    variants = {variant_of(PurePosixPath(file).name) for file in files if file.endswith(".safetensors")}
    return None if None in variants else next(iter(sorted(variants)), None)


def _edited(repo_id: str, revision: str | None, token: str | None) -> bool:
    """Whether somebody has made the repository's card their own."""
    with hub_errors(repo_id):
        return WRITTEN not in Path(hf_hub_download(repo_id, CARD, revision=revision, token=token)).read_text("utf-8")
