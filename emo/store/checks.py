"""What is checked of a pipeline folder before anything of it is loaded."""

import os
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

import torch
from safetensors import SafetensorError, safe_open

from emo.errors import WeightsError
from emo.store.components import build_empty, component_class
from emo.store.index import components_of, is_hub_name, read_index
from emo.store.repository import refuse_pickles


def check_folder(path: str | os.PathLike, expected: Collection[str], variant: str | None = None) -> None:
    """Make sure that a local pipeline folder is whole; the name of a Hub repository passes unchecked.

    Args:
        expected: names of the components that the folder must hold.
        variant: which of several sets of weights, such as fp16; components without it have the plain one.

    Raises:
        WeightsError: a folder, component, tensor or file is missing, has another shape than its config says, cannot
            be read, or is a pickle, which may run any code when loaded. The message names component and tensor.
    """
    if is_hub_name(path):
        return
    components = components_of(read_index(path))
    folder = Path(path)
    if absent := sorted(name for name in expected if name not in components or not (folder / name).is_dir()):
        raise WeightsError(f"{path}: the component {absent[0]!r} is missing")
    places = [folder.glob("*"), *((folder / name).rglob("*") for name in components)]
    refuse_pickles(str(path), [file.relative_to(folder).as_posix() for files in places for file in files])
    for name in sorted(expected):
        kind = component_class(components[name])
        if kind is None:
            raise WeightsError(f"{path}: {name} is a {'.'.join(components[name])}, which is not known here")
        if issubclass(kind, torch.nn.Module):
            _check_tensors(folder / name, name, kind, variant)


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


def _check_tensors(folder: Path, name: str, network: type[torch.nn.Module], variant: str | None) -> None:
    """Compare names and shapes in the safetensors files with those of the class built from its config."""
    if not (folder / "config.json").is_file():
        raise WeightsError(f"{folder}: config.json of the component {name!r} is missing")
    shapes = {}
    for file in weight_files(folder, variant):
        try:
            with safe_open(file, framework="pt") as tensors:
                shapes |= {key: tuple(tensors.get_slice(key).get_shape()) for key in tensors.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise WeightsError(f"{file}: cannot be read ({error}); fetch or make it again") from None
    if not shapes:
        variants = {variant_of(file.name) for file in folder.glob("*.safetensors")}
        others = sorted(variant for variant in variants if variant is not None)
        hint = f" but of the variant {others[0]}: ask for that" if others else ""
        raise WeightsError(f"{folder}: no safetensors file of the component {name!r}{hint}")
    try:
        model = build_empty(folder, network)
    except Exception as error:  # the libraries raise many kinds for a config of which no network can be made
        raise WeightsError(f"{folder / 'config.json'}: {name} cannot be built from it ({error})") from None
    for key, tensor in model.state_dict().items():
        if key not in shapes:
            raise WeightsError(f"{folder}: the component {name!r} lacks the tensor {key!r}")
        if shapes[key] != tuple(tensor.shape):
            raise WeightsError(
                f"{folder}: {key!r} of {name!r} has shape {shapes[key]}, but its config says {tuple(tensor.shape)}"
            )


def replaced_weights(files: Iterable[str], by: Collection[str]) -> list[str]:
    """Those of `files` that hold weights, or an index of shards, of a component and variant that `by` brings anew.

    Args:
        files, by: paths below a pipeline folder.
    """
    new = {_weights_of(file) for file in by} - {None}
    return sorted(file for file in files if _weights_of(file) in new and file not in by)


def _weights_of(file: str) -> tuple[PurePosixPath, str | None] | None:
    """Component and variant of a file of weights, or of an index of shards; None of other files."""
    path = PurePosixPath(file)
    return (path.parent, variant_of(path.name)) if ".safetensors" in path.suffixes else None
