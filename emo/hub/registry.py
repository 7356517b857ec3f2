"""Systems by the class of pipeline that a model folder's index names; each is imported when it is first asked for."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import hf_hub_download

from emo.errors import WeightsError
from emo.hub.system import System
from emo.store import (
    MODEL_INDEX,
    check_listing,
    hub_errors,
    is_hub_name,
    pipeline_class_name,
    read_index,
    read_index_file,
    repository_files,
    split_revision,
)


class Entry(NamedTuple):
    """Where a system is found.

    Attributes:
        name: of the system.
        class_name: of its pipeline, as in the index of its folders.
        load: imports it.
    """

    name: str
    class_name: str
    load: Callable[[], System]


def _emo() -> System:
    from emo.hub.system_emo import SYSTEM

    return SYSTEM


def _vasa() -> System:
    from emo.hub.system_vasa import SYSTEM

    return SYSTEM


def _gaia() -> System:
    from emo.hub.system_gaia import SYSTEM

    return SYSTEM


def _gohd() -> System:
    from emo.hub.system_gohd import SYSTEM

    return SYSTEM


ENTRIES = [
    Entry("emo", "EMOPipeline", _emo),
    Entry("vasa", "VASAPipeline", _vasa),
    Entry("gaia", "GAIAPipeline", _gaia),
    Entry("gohd", "GoHDPipeline", _gohd),
]
"""All systems; where none is named, the first is meant."""


def system_of(place: str | os.PathLike) -> System:
    """The system of a model.

    Args:
        place: a pipeline folder, or a Hub name, `org/name` or `org/name@revision`.

    Raises:
        WeightsError: there is no such folder or no index in it, or its pipeline is of a class that is not known here.
        HubError: the repository cannot be had.
    """
    class_name = pipeline_class_name(_index(place))
    for entry in ENTRIES:
        if entry.class_name == class_name:
            return entry.load()
    known = ", ".join(entry.class_name for entry in ENTRIES)
    what = f"its pipeline is a {class_name}" if class_name else f"{MODEL_INDEX} does not say what its pipeline is"
    raise WeightsError(f"{place}: {what}; known here: {known}")


def system_of_config(name: str) -> System:
    """The system of a model configuration, by what the name of its file starts with: `emo-tiny` is of `emo`."""
    prefix = Path(name).stem.partition("-")[0]
    return next((entry for entry in ENTRIES if entry.name == prefix), ENTRIES[0]).load()


def load_pipeline(place: str | os.PathLike, **options: Any) -> Any:
    """A pipeline of whatever system.

    Args:
        place: as of `system_of`.
        options: of its class's `from_pretrained`.

    Raises:
        WeightsError, HubError: as `system_of` and `from_pretrained`.
    """
    return system_of(place).pipeline.from_pretrained(place, **options)


def _index(place: str | os.PathLike) -> dict[str, Any]:
    name, revision = split_revision(place)
    if not is_hub_name(name):
        return read_index(name)
    repo_id = str(name)
    check_listing(repo_id, repository_files(repo_id, revision=revision))
    with hub_errors(repo_id):
        file = hf_hub_download(repo_id, MODEL_INDEX, revision=revision)
    return read_index_file(Path(file))
