"""The index of a model folder, `model_index.json`: of which class its pipeline is, and of which its components are."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from emo.errors import WeightsError
from emo.files import read_json_object

MODEL_INDEX = "model_index.json"


class ComponentName(NamedTuple):
    """The class of a component as an index has it.

    Attributes:
        library: where it is defined, such as "diffusers".
        class_name: its name there.
    """

    library: str
    class_name: str


def is_hub_name(path: str | os.PathLike) -> bool:
    """Whether a path that is no folder can be the name of a Hub repository, `org/name`."""
    folder = Path(path)
    return not (folder.exists() or folder.is_absolute() or str(path).count("/") != 1 or folder.parent.is_dir())


def read_index(path: str | os.PathLike) -> dict[str, Any]:
    """The index of a model folder.

    Raises:
        WeightsError: there is no such folder, or it holds no index that can be read.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise WeightsError(f"{path}: no such folder; give a pipeline folder (`emo init` makes one) or a Hub name")
    if not (folder / MODEL_INDEX).is_file():
        raise WeightsError(f"{path}: {MODEL_INDEX} is missing, so this is no pipeline folder; `emo init` makes one")
    return read_index_file(folder / MODEL_INDEX)


def read_index_file(file: Path) -> dict[str, Any]:
    """An index by the path of its file.

    Raises:
        WeightsError: it cannot be read.
    """
    return read_json_object(file, WeightsError)


def pipeline_class_name(index: dict[str, Any]) -> str | None:
    """The class of the pipeline, or None where the index does not say it."""
    name = index.get("_class_name")
    if isinstance(name, list):  # with the module that defines it
        name = name[-1] if name else None
    return name if isinstance(name, str) else None


def components_of(index: dict[str, Any]) -> dict[str, ComponentName]:
    """Classes of the components by the components' names; those that are left empty are left out."""
    return {
        name: ComponentName(str(value[0]), str(value[1]))
        for name, value in index.items()
        if isinstance(value, list) and len(value) > 1 and not name.startswith("_") and value[0] is not None
    }


def component_names(folder: Path) -> list[str]:
    """The components that a pipeline folder's index names; none where there is no index."""
    return sorted(components_of(read_index(folder))) if (folder / MODEL_INDEX).is_file() else []
