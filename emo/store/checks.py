"""What is checked of a pipeline folder before anything of it is loaded."""

import json
import os
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

import diffusers
import torch
import transformers
from safetensors import SafetensorError, safe_open

import emo
from emo.errors import ConfigError, WeightsError
from emo.store.repository import MODEL_INDEX, refuse_pickles

_LIBRARIES = {"emo": emo, "diffusers": diffusers, "transformers": transformers}


def check_scheduler(scheduler: diffusers.SchedulerMixin) -> None:
    """Refuse ε-prediction at zero terminal SNR, where the noise says nothing of the picture.

    Raises:
        ConfigError: the scheduler is set to that.
    """
    if scheduler.config.get("prediction_type") == "epsilon" and scheduler.config.get("rescale_betas_zero_snr"):
        raise ConfigError(
            "scheduler: prediction_type=epsilon does not go with rescale_betas_zero_snr; use v_prediction"
        )


def check_folder(path: str | os.PathLike, expected: Collection[str], variant: str | None = None) -> None:
    """Make sure that a local pipeline folder is whole; the name of a Hub repository passes unchecked.

    Args:
        expected: names of the components that the folder must hold.
        variant: which of several sets of weights, such as fp16; components without it have the plain one.

    Raises:
        WeightsError: a folder, component, tensor or file is missing, has another shape than its config says, cannot
            be read, or is a pickle, which may run any code when loaded. The message names component and tensor.
    """
    folder = Path(path)
    if not folder.is_dir():
        if folder.exists() or folder.is_absolute() or str(path).count("/") != 1 or folder.parent.is_dir():
            raise WeightsError(f"{path}: no such folder; give a pipeline folder (`emo init` makes one) or a Hub name")
        return
    if not (folder / MODEL_INDEX).is_file():
        raise WeightsError(f"{path}: {MODEL_INDEX} is missing, so this is no pipeline folder; `emo init` makes one")
    components = _components(folder)
    if absent := sorted(name for name in expected if name not in components or not (folder / name).is_dir()):
        raise WeightsError(f"{path}: the component {absent[0]!r} is missing")
    places = [folder.glob("*"), *((folder / name).rglob("*") for name in components)]
    refuse_pickles(str(path), [file.relative_to(folder).as_posix() for files in places for file in files])
    for name in sorted(expected):
        library, class_name = components[name]
        component_class = getattr(_LIBRARIES.get(library), class_name, None)
        if component_class is None:
            raise WeightsError(f"{path}: {name} is a {library}.{class_name}, which is not known here")
        if issubclass(component_class, torch.nn.Module):
            _check_tensors(folder / name, name, component_class, variant)


def weight_files(folder: Path, variant: str | None = None) -> list[Path]:
    """A component's safetensors files of one variant, all shards; the plain ones where it has none of that variant.

    `model-00001-of-00002.safetensors` is plain, `model.fp16-00001-of-00002.safetensors` of the variant fp16.
    """
    files = sorted(folder.glob("*.safetensors"))
    chosen = [file for file in files if variant_of(file.name) == variant]
    return chosen or [file for file in files if variant_of(file.name) is None]


def variant_of(name: str) -> str | None:
    """The variant in the name of a file of weights, such as fp16, or of the index of its shards."""
    parts = name.split(".")
    at = 1 if parts[1:2] != ["safetensors"] else 3  # model.fp16.safetensors, model.safetensors.index.fp16.json
    return parts[at].split("-")[0] if len(parts) > at + 1 else None


def component_names(folder: Path) -> list[str]:
    """The components that a pipeline folder's index names; none where there is no index."""
    return sorted(_components(folder)) if (folder / MODEL_INDEX).is_file() else []


def _components(folder: Path) -> dict[str, list[str]]:
    try:
        index = json.loads((folder / MODEL_INDEX).read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{folder / MODEL_INDEX}: not valid JSON ({error})") from None
    return {k: v for k, v in index.items() if isinstance(v, list) and not k.startswith("_") and v[0] is not None}


def _check_tensors(folder: Path, name: str, component_class: type[torch.nn.Module], variant: str | None) -> None:
    """Compare names and shapes in the safetensors files with those of the class built from its config."""
    if not (folder / "config.json").is_file():
        raise WeightsError(f"{folder}: config.json of the component {name!r} is missing")
    found = {}
    for file in weight_files(folder, variant):
        try:
            with safe_open(file, framework="pt") as tensors:
                found |= {key: tuple(tensors.get_slice(key).get_shape()) for key in tensors.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise WeightsError(f"{file}: cannot be read ({error}); fetch or make it again") from None
    if not found:
        others = sorted({variant_of(file.name) for file in folder.glob("*.safetensors")} - {None})
        hint = f" but of the variant {others[0]}: ask for that" if others else ""
        raise WeightsError(f"{folder}: no safetensors file of the component {name!r}{hint}")
    try:
        model = build_empty(folder, component_class)
    except Exception as error:  # the libraries raise many kinds for a config of which no network can be made
        raise WeightsError(f"{folder / 'config.json'}: {name} cannot be built from it ({error})") from None
    for key, tensor in model.state_dict().items():
        if key not in found:
            raise WeightsError(f"{folder}: the component {name!r} lacks the tensor {key!r}")
        if found[key] != tuple(tensor.shape):
            raise WeightsError(
                f"{folder}: {key!r} of {name!r} has shape {found[key]}, but its config says {tuple(tensor.shape)}"
            )


def build_empty(folder: Path, component_class: type[torch.nn.Module]) -> torch.nn.Module:
    """A component as its config describes it, without memory for its tensors."""
    with torch.device("meta"):
        if issubclass(component_class, transformers.PreTrainedModel):
            return component_class(component_class.config_class.from_pretrained(folder))
        return component_class.from_config(component_class.load_config(folder))


def component_classes(folder: Path) -> dict[str, type[torch.nn.Module]]:
    """The networks of a checked pipeline folder, by name."""
    classes = {name: getattr(_LIBRARIES[library], kind) for name, (library, kind) in _components(folder).items()}
    return {name: kind for name, kind in sorted(classes.items()) if issubclass(kind, torch.nn.Module)}


def replaced_weights(files: Iterable[str], by: Collection[str]) -> list[str]:
    """Those of `files` that hold weights, or an index of shards, of a component and variant that `by` brings anew.

    Args:
        files, by: paths below a pipeline folder.
    """
    of = lambda file: (PurePosixPath(file).parent, variant_of(PurePosixPath(file).name))
    weights = lambda paths: [path for path in paths if ".safetensors" in PurePosixPath(path).suffixes]
    new = {of(file) for file in weights(by)}
    return sorted(file for file in weights(files) if of(file) in new and file not in by)
