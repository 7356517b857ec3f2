"""What ComfyUI offers to nodes that run in it: a progress bar, a way to be stopped, and its folders.

Its modules are there only where ComfyUI runs: no package brings them. Elsewhere there is no bar and no stopping.
"""

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from emo.errors import OutputError

OUTPUT = " [output]"  # after the name of a file of its folder of outputs, as ComfyUI has it


def _hook(name: str) -> ModuleType | None:
    """A module of ComfyUI's, which has loaded it long before its nodes run; None outside of it."""
    return sys.modules.get(name)


def stop_if_asked() -> None:
    """Raise ComfyUI's own exception where its user has stopped the work."""
    if (management := _hook("comfy.model_management")) is not None:
        management.throw_exception_if_processing_interrupted()


class Progress:
    """What a pipeline is to call after each denoising step: moves the node's bar, and stops where that is asked for.

    Attributes:
        total: steps in all, once they are known.
    """

    def __init__(self) -> None:
        self.total: int | None = None
        self._bar: Any = None

    def __call__(self, pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        self.reached(step + 1)
        return {}

    def reached(self, steps: int) -> None:
        """So many steps are done."""
        stop_if_asked()
        utils = _hook("comfy.utils")
        if utils is None or self.total is None:
            return
        self._bar = self._bar or utils.ProgressBar(self.total)
        self._bar.update_absolute(steps, self.total)


def new_output(prefix: str, ending: str, width: int, height: int) -> tuple[Path, dict[str, str]]:
    """The name of a file to write, with the next number, and what ComfyUI's page is told of it.

    Args:
        prefix: as of ComfyUI's own nodes that save, with a folder if need be.
        ending: of the name, with the dot.
        width, height: of pictures, which a prefix may name.

    Raises:
        OutputError: this is not run by ComfyUI.
    """
    folders = _folders()
    folder, name, counter, subfolder, _ = folders.get_save_image_path(
        prefix, folders.get_output_directory(), width, height
    )
    file = f"{name}_{counter:05}_{ending}"
    return Path(folder) / file, {"filename": file, "subfolder": subfolder, "type": "output"}


def saved_files(ending: str) -> list[str]:
    """Files with this ending in ComfyUI's folders of inputs and outputs, by the names that `open_saved` takes."""
    if _hook("folder_paths") is None:
        return []
    folders = _folders()
    found = [(folders.get_input_directory(), ""), (folders.get_output_directory(), OUTPUT)]
    return [name + mark for folder, mark in found for name in _below(folder, ending)]


def open_saved(name: str) -> Path:
    """A file of one of ComfyUI's folders."""
    return Path(_folders().get_annotated_filepath(name))


def _folders() -> Any:
    folders = _hook("folder_paths")
    if folders is None:
        raise OutputError("this node reads and writes in ComfyUI's folders, and is not run by ComfyUI")
    return folders


def _below(folder: str, ending: str) -> list[str]:
    """Names of files in a folder and those in it, with slashes."""
    walked = ((Path(place), files) for place, _, files in os.walk(folder))
    return sorted(
        (place / file).relative_to(folder).as_posix()
        for place, files in walked
        for file in files
        if file.endswith(ending)
    )
