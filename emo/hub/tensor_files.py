"""Files of tensors as others publish them: safetensors, or pickles from which tensors alone are read."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from emo.errors import WeightsError, first_line

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt")
"""In the order in which they are looked for."""


def find_tensors(folders: tuple[Path, ...], stem: str) -> Path | None:
    """The first file of tensors of this name in the first folder that has one; None where there is none."""
    files = (folder / f"{stem}{suffix}" for folder in folders for suffix in SUFFIXES)
    return next((file for file in files if file.is_file()), None)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file by name, mapped into memory where its format allows it; no code of the file is run.

    A pickle may hold them under `state_dict`.

    Raises:
        WeightsError: the file is damaged, or a pickle that holds more than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (pickle.UnpicklingError, EOFError, OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise WeightsError(
            f"{path}: no tensors could be read ({first_line(error)}); a pickle that holds anything else is not opened"
        ) from error
    tensors = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else loaded
    if not isinstance(tensors, Mapping) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise WeightsError(f"{path}: this is no table of tensors by name")
    return {str(name): value for name, value in tensors.items()}
