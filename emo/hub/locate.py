"""From the name of a model to what `from_pretrained` takes."""

import json
from pathlib import Path

from emo.errors import WeightsError
from emo.files import file_status
from emo.resources import DEFAULT_MODEL, bundled
from emo.store import MODEL_INDEX


def locate_model(name: str | None, default: str = DEFAULT_MODEL) -> str:
    """The folder of a model that comes with the package (`bundled_models`), or the folder or Hub name itself.

    A folder of that name where the command is run comes first; `org/name` and `org/name@revision` are Hub names.

    Raises:
        WeightsError: the default is wanted, but this copy of the package carries no trained weights; there is no
            folder or model of that name; or something in the folder may not be read.
    """
    if name and file_status(Path(name), WeightsError) and file_status(Path(name) / MODEL_INDEX, WeightsError):
        _check_permissions(Path(name))
    if name and ("/" in name or "\\" in name or (Path(name) / MODEL_INDEX).is_file()):
        return name
    name = name or default
    folder = bundled("weights") / name
    if (folder / MODEL_INDEX).is_file():
        return str(folder)
    if name == default:
        raise WeightsError(
            f"no trained weights of {name} come with this version; give --model FOLDER or a Hub name, or make random "
            "weights to try things out: emo init --out random-weights"
        )
    if file_status(Path(name), WeightsError) is None:
        known = ", ".join(bundled_models()) or "none"
        raise WeightsError(
            f"{name} is no folder, nor a model that comes with this version ({known}); give one of these, a folder or "
            "a Hub name, or make random weights: emo init"
        )
    return name


def bundled_models() -> list[str]:
    """Names of the models that come with the package, the default first."""
    found = sorted(index.parent.name for index in bundled("weights").glob(f"*/{MODEL_INDEX}"))
    return sorted(found, key=lambda name: name != DEFAULT_MODEL)


def _check_permissions(folder: Path) -> None:
    """See that what belongs to a model can be read: its index and its components, whatever else lies beside them."""
    try:
        index = json.loads((folder / MODEL_INDEX).read_text(encoding="utf-8"))
        components = [folder / name for name, value in dict(index).items() if isinstance(value, list)]
        for component in filter(Path.is_dir, components):
            for file in filter(Path.is_file, component.iterdir()):
                file.open("rb").close()
    except PermissionError as problem:
        raise WeightsError(
            f"{folder}: {problem.filename} may not be read ({problem.strerror}); change its permissions"
        ) from problem
    except ValueError:  # a damaged index, of which loading says more
        return
