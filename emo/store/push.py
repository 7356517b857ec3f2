"""A pipeline folder goes to a repository of the Hugging Face Hub."""

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download

from emo.errors import WeightsError
from emo.files import require_folder
from emo.store.card import CARD, WRITTEN, Description, write_card
from emo.store.checks import check_folder, replaced_weights, variant_of
from emo.store.index import component_names, pipeline_class_name, read_index
from emo.store.repository import hub_errors, refuse_pickles, repository_files


@dataclass(frozen=True, kw_only=True)
class PushOptions:
    """How a folder is sent.

    Attributes:
        commit_message: of the one commit.
        private: whether a new repository is; by default as the Hub decides.
        revision: branch to commit to; made where it does not exist.
        create_pr: propose the commit as a pull request.
        token: instead of that of `hf auth login` or HF_TOKEN.
        license: of the weights, for the card; see `write_card`.
        training_data: what they were trained on, for the card.
    """

    commit_message: str | None = None
    private: bool | None = None
    revision: str | None = None
    create_pr: bool = False
    token: str | None = None
    license: str | None = None
    training_data: str | None = None


def require_model_folder(folder: Path) -> None:
    """Check that there is a folder.

    Raises:
        WeightsError: there is none that can be read.
    """
    require_folder(folder, WeightsError, "there is no such folder; give a pipeline folder (`emo init` makes one)")


def send_folder(
    folder: str | os.PathLike,
    repo_id: str,
    expected: Collection[str],
    describe: Callable[[Path], Description],
    options: PushOptions,
) -> str:
    """Send a pipeline folder to the Hub in one commit, with a model card written from it.

    Weights of the same variant that the repository holds and the folder does not are removed there, so that no old
    shards stay behind; other variants and files stay. A card that somebody has made their own, in the folder or in the
    repository, stays as well.

    Args:
        repo_id: `org/name`; made where it does not exist.
        expected: names of the components that the folder must hold.
        describe: what the folder's system says of it.

    Returns:
        The address of the commit.

    Raises:
        WeightsError: the folder is no whole pipeline, or holds pickle files.
        HubError: the Hub cannot be reached, or does not allow it.
    """
    folder = Path(folder)
    require_model_folder(folder)
    files = _files(folder)
    refuse_pickles(str(folder), files)
    check_folder(folder, expected, only_variant(files))

    def card(also: Iterable[str] = ()) -> str:
        return write_card(
            folder,
            repo_id,
            describe(folder),
            license=options.license,
            training_data=options.training_data,
            also=also,
        )

    card()  # what is wrong with it is said before anything is made there
    api = HfApi(token=options.token)
    with hub_errors(repo_id):
        repo_id = api.create_repo(repo_id, private=options.private, exist_ok=True).repo_id
        if options.revision is not None:
            api.create_branch(repo_id, branch=options.revision, exist_ok=True)
    there = repository_files(repo_id, revision=options.revision, token=options.token)
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(path, folder / path) for path in files if path != CARD
    ]
    operations += [CommitOperationDelete(path) for path in replaced_weights(there, files)]
    if CARD in files and WRITTEN not in (folder / CARD).read_text("utf-8"):
        operations.append(CommitOperationAdd(CARD, folder / CARD))
    elif not (CARD in there and _edited(repo_id, options)):
        operations.append(CommitOperationAdd(CARD, card(there).encode()))
    with hub_errors(repo_id):
        commit = api.create_commit(
            repo_id,
            operations,
            commit_message=options.commit_message or f"Upload {pipeline_class_name(read_index(folder))}",
            revision=options.revision,
            create_pr=options.create_pr,
        )
    return commit.pr_url or commit.commit_url


def only_variant(files: Iterable[str]) -> str | None:
    """The variant to check a folder by: `None` where it holds plain weights."""
    variants = {variant_of(PurePosixPath(file).name) for file in files if file.endswith(".safetensors")}
    return None if None in variants else min((v for v in variants if v is not None), default=None)


def _files(folder: Path) -> list[str]:
    """What belongs to a pipeline: all of its components' folders and of its own, but for hidden and compiled files."""
    places = [folder.glob("*"), *((folder / name).rglob("*") for name in component_names(folder))]
    paths = sorted(path.relative_to(folder) for place in places for path in place if path.is_file())
    return [p.as_posix() for p in paths if not any(part.startswith((".", "__pycache__")) for part in p.parts)]


def _edited(repo_id: str, options: PushOptions) -> bool:
    """Whether somebody has made the repository's card their own."""
    with hub_errors(repo_id):
        card = hf_hub_download(repo_id, CARD, revision=options.revision, token=options.token)
    return WRITTEN not in Path(card).read_text("utf-8")
