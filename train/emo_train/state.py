"""All that a run needs to go on as if it had not stopped: saved by one call, loaded by one call."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from emo.errors import ConfigError

WEIGHTS = "model.safetensors"


@dataclass
class Progress:
    """Optimiser steps done, and samples seen by all processes together."""

    step: int = 0
    samples: int = 0

    def state_dict(self) -> dict[str, int]:
        return asdict(self)

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.step, self.samples = state["step"], state["samples"]


def step_name(step: int) -> str:
    """Name of a step's folder; the names' order is the steps'."""
    return f"step-{step:08d}"


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of `path` when the context ends without an error."""
    temporary = path.with_name(path.name + ".new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    put_in_place(temporary, path)


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a finished folder; one that stood there before makes way at the last moment."""
    old = path.with_name(path.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        os.replace(path, old)
    os.replace(temporary, path)
    shutil.rmtree(old, ignore_errors=True)


class Checkpoints:
    """Folders `step-…`, each whole or not there, of which the newest `keep` stay.

    Networks, optimiser, gradient scaler and random state are saved by accelerate, which has prepared them; what else
    changes during training is given to `register`. With several machines the folder must be shared between them.
    """

    def __init__(self, accelerator: Accelerator, model: nn.Module, networks: nn.Module, folder: Path, keep: int):
        """model: the prepared networks. networks: the same without what accelerate has put around them."""
        self.accelerator, self.folder, self.keep = accelerator, folder, keep
        self.model, self.networks = model, networks
        self.sharded = accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)
        if not self.sharded:
            # accelerate saves DDP's and torch.compile's names, with which others could not go on
            accelerator.register_save_state_pre_hook(self._bare_names)
            accelerator.register_load_state_pre_hook(self._load_bare)

    def weights(self) -> dict[str, torch.Tensor]:
        """The networks' state dict under their own names; all processes call this."""
        return self.accelerator.get_state_dict(self.model) if self.sharded else self.networks.state_dict()

    def register(self, *objects: Any) -> None:
        """Add objects with `state_dict` and `load_state_dict` to what is saved; always in the same order."""
        self.accelerator.register_for_checkpointing(*objects)

    def save(self, step: int) -> None:
        """Save everything as `step-…`; all processes call this."""
        temporary = self.folder / "saving"
        if self.accelerator.is_main_process:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(temporary))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            put_in_place(temporary, self.folder / step_name(step))
            for old in self._all()[: -self.keep]:
                shutil.rmtree(old)
        self.accelerator.wait_for_everyone()

    def resume(self, wanted: str | None) -> None:
        """Load a checkpoint: `None` for none, a folder, or "latest" for the newest one, if there is one.

        Raises:
            ConfigError: there are checkpoints, but none is wanted; or the wanted one is missing or does not fit.
        """
        known = self._all()
        if wanted is None:
            if known:
                raise ConfigError(
                    f"{self.folder} holds the checkpoints of an earlier run: add --resume latest, or choose another "
                    "train.output"
                )
            return
        if wanted == "latest" and not known:
            return
        path = known[-1] if wanted == "latest" else Path(wanted)
        if not path.is_dir():
            raise ConfigError(f"--resume {wanted}: no such folder")
        try:
            self.accelerator.load_state(str(path))
        except (RuntimeError, ValueError, OSError, KeyError, SafetensorError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ConfigError(f"--resume {path}: it does not fit these networks and options ({reason})") from error

    def _all(self) -> list[Path]:
        """Whole checkpoints, oldest first."""
        return sorted(path for path in self.folder.glob("step-*") if path.name[5:].isdigit())

    def _bare_names(self, models: list[nn.Module], weights: list[dict[str, torch.Tensor]], folder: str) -> None:
        weights[:] = [self.weights()]

    def _load_bare(self, models: list[nn.Module], folder: str) -> None:
        models.clear()
        self.networks.load_state_dict(load_file(Path(folder) / WEIGHTS))
