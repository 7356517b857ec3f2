"""What frozen networks make of every clip, kept in a file for each."""

from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from emo.data.format import ClipInfo
from emo.errors import DatasetError

COMPLETE = "complete"  # the file that is written last
FOLDER = ".cache"  # hidden, so that the Hub's dataset viewer does not look into it


def check_cache(folder: Path) -> Path:
    """The folder again, if a cache was made there.

    Raises:
        DatasetError: none was, or not to the end.
    """
    if not (folder / COMPLETE).is_file():
        raise DatasetError(f"{folder}: no complete cache for these weights; make it with `emo cache`")
    return folder


def load_cached(folder: Path, clip: ClipInfo, names: Sequence[str]) -> dict[str, Tensor]:
    """A clip's features of these names, each (T, ...).

    Raises:
        DatasetError: the clip or a feature is not in the cache, or its file is damaged or of another length.
    """
    path = cached_file(folder, clip)
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise DatasetError(f"{path} cannot be read ({error}); run `emo cache` again") from None
    if any(len(tensor) != clip.frames for tensor in tensors.values()):
        raise DatasetError(
            f"{path} is of another clip than {clip.file_name}; remove {folder} and run `emo cache` again"
        )
    return tensors


def cached_file(folder: Path, clip: ClipInfo) -> Path:
    """Where a clip's features are in a cache."""
    return folder / clip.split / Path(clip.file_name).with_suffix(".safetensors")
