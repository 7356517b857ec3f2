"""What a dataset's folder was made with, so that only the same command with the same options goes on in it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emo.data.format import SPLITS
from emo.errors import DatasetError
from emo.files import write_whole, writing_into
from emo.locks import is_new


def open_dataset(
    root: Path, file: str, recipe: Mapping[str, Any], command: str, earlier: Mapping[str, Any] | None = None
) -> None:
    """Make the folders of a dataset and leave the recipe there, or check that they were made with the same one.

    Args:
        root: a new or empty folder, or one made with this recipe; its `claim_folder` is held.
        file: name of the recipe's file.
        recipe: what JSON can hold.
        command: that makes such datasets, for messages.
        earlier: what a recipe means that does not say so, by name.

    Raises:
        DatasetError: the folder holds something else, or was made with another recipe.
        OutputError: it cannot be written to.
    """
    path = root / file
    if root.exists() and not root.is_dir():
        raise DatasetError(f"{root} is a file; give a folder")
    with writing_into(root):
        root.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            _compare(path, recipe, earlier or {})
        elif not is_new(root):
            raise DatasetError(f"{root} exists and was not made by {command}; choose another folder")
        else:
            write_whole(path, json.dumps(recipe, indent=1).encode())
        for split in SPLITS:
            (root / split).mkdir(exist_ok=True)


def read_recipe(root: Path, file: str) -> dict[str, Any] | None:
    """The recipe in a folder; None where there is none.

    Raises:
        DatasetError: it is damaged.
    """
    path = root / file
    if not path.is_file():
        return None
    try:
        return {**json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{path} is damaged; choose another folder or remove this one") from error


def _compare(path: Path, recipe: Mapping[str, Any], earlier: Mapping[str, Any]) -> None:
    """The recipe in the file is the same."""
    before = {**earlier, **(read_recipe(path.parent, path.name) or {})}
    for name, value in recipe.items():
        if before.get(name) != value:
            raise DatasetError(
                f"{path.parent} was made with {name} = {before.get(name)}, not {value}; choose another folder"
            )
