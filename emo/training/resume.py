"""Which checkpoint a run goes on from, and what is said if that is not possible."""

import os
from pathlib import Path

from emo.errors import ConfigError
from emo.training.manifest import damage, is_checkpoint

CHECKPOINTS = "checkpoints"


def step_name(step: int) -> str:
    """Name of a step's folder; the names' order is the steps'."""
    return f"step-{step:08d}"


def step_folders(folder: Path) -> list[Path]:
    """Checkpoints by name, oldest first."""
    return sorted(path for path in folder.glob("step-*") if path.name[5:].isdigit() and path.is_dir())


def find_checkpoint(output: Path, wanted: str | None) -> Path | None:
    """The checkpoint to go on from, by what names tell; `None` to start.

    Args:
        output: folder of the run.
        wanted: `None` for none, a folder, or "latest" for the newest one, if there is one.

    Raises:
        ConfigError: there are checkpoints, but none is wanted; or the wanted one is not there.
    """
    if os.path.lexists(output) and not os.path.isdir(output):
        raise ConfigError(f"train.output is {output}, which is no folder; give another")
    folder = output / CHECKPOINTS
    known = step_folders(folder)
    if wanted is None and known:
        raise ConfigError(
            f"{folder} holds the checkpoints of an earlier run: add --resume latest, or choose another train.output"
        )
    if wanted is None or wanted == "latest":
        return known[-1] if known else None
    path = Path(wanted)
    if is_checkpoint(path):
        return path
    problem = "no checkpoint lies there" if os.path.isdir(path) else "no such folder"
    hint = f"; the newest checkpoint of this run is {known[-1]}" if known else ""
    raise ConfigError(f"--resume {wanted}: {problem}{hint}")


def require_whole(path: Path) -> None:
    """Read a checkpoint to its end, to see that it is as it was written.

    Raises:
        ConfigError: it is not; the message names the file, and the newest checkpoint beside it that is.
    """
    if (problem := damage(path)) is None:
        return
    others = [other for other in reversed(step_folders(path.parent)) if other.name != path.name]
    whole = next((other for other in others if damage(other) is None), None)
    way_on = f"go on from the newest whole one with --resume {whole}"
    if whole is None:
        way_on = "none beside it is whole: start again, with another train.output or without these checkpoints"
    raise ConfigError(f"--resume {path}: the checkpoint is damaged ({problem}); {way_on}")
