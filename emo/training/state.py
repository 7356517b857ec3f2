"""All that a run needs to go on as if it had not stopped: saved by one call, loaded by one call."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, gather_object
from safetensors.torch import load_file
from torch import nn
from torch.optim import Optimizer

from emo.errors import ConfigError, EmoError, first_line
from emo.training.folders import NEW, put_in_place, remove, writing
from emo.training.manifest import WEIGHTS, write_manifest
from emo.training.resume import require_whole, step_folders, step_name

MACHINES = (OSError, MemoryError, torch.OutOfMemoryError)  # errors that are no checkpoint's
MOMENTS = {"exp_avg", "exp_avg_sq", "momentum_buffer"}  # what torch's optimizers call them
NO_MEMORY = ("can't allocate memory", "CUDA error", "CUDA out of memory")  # of torch's plain RuntimeErrors


@dataclass
class Progress:
    """Optimizer steps done, and samples seen by all processes together."""

    step: int = 0
    samples: int = 0

    def state_dict(self) -> dict[str, int]:
        return asdict(self)

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.step = state["step"]
        self.samples = state["samples"]


@contextmanager
def together(accelerator: Accelerator) -> Iterator[None]:
    """An error of one process ends all of them, which would wait for it for ever otherwise; that one alone says why.

    All processes enter and leave this.
    """
    error = None
    try:
        yield
    except EmoError as caught:
        error = caught
    failed = accelerator.num_processes > 1 and any(gather_object([error is not None]))
    if error is not None:
        raise error
    if failed:
        raise SystemExit(2)


def _fits(optimizer: Optimizer) -> bool:
    """Whether what an optimizer remembers of its parameters is of their shapes: it is kept in their order alone, and
    fused steps do not look."""
    return all(
        state[name].shape == parameter.shape
        for parameter, state in optimizer.state.items()
        for name in MOMENTS.intersection(state)
    )


class Checkpoints:
    """Folders `step-...`, each whole or not there, of which the newest `keep` stay, or all for 0.

    Networks, optimizers, gradient scaler and random state are saved by accelerate, which has prepared them; what else
    changes during training is given to `register`. With several machines the folder must be shared between them.

    Args:
        model: prepared.
        networks: the model without what accelerate has put around it.
        optimizers: prepared.
        folder: of the checkpoints.
        keep: how many stay; 0 for all.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        networks: nn.Module,
        optimizers: Sequence[Optimizer],
        folder: Path,
        keep: int,
    ):
        self.accelerator = accelerator
        self.model = model
        self.networks = networks
        self.optimizers = optimizers
        self.folder = folder
        self.keep = keep
        self.sharded = accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)
        if not self.sharded:
            # accelerate saves DDP's and torch.compile's names, with which others could not go on
            accelerator.register_save_state_pre_hook(self._bare_names)
            accelerator.register_load_state_pre_hook(self._load_bare)

    def weights(self) -> dict[str, torch.Tensor]:
        """The networks' state dict under their own names; all processes call this."""
        if not self.sharded:
            return self.networks.state_dict()
        return cast(dict[str, torch.Tensor], self.accelerator.get_state_dict(self.model))

    def register(self, *objects: Any) -> None:
        """Add objects with `state_dict` and `load_state_dict` to what is saved; always in the same order."""
        self.accelerator.register_for_checkpointing(*objects)

    def save(self, step: int) -> None:
        """Save everything as `step-...`; all processes call this. Older ones go, and what a run that has gone back
        has left of later steps.

        Raises:
            OutputError: the disk does not take it; half a checkpoint does not stay.
        """
        path = self.folder / step_name(step)
        main = self.accelerator.is_main_process
        temporary = path.with_name(path.name + NEW)
        try:
            with together(self.accelerator):
                if main:
                    with writing(path):
                        shutil.rmtree(temporary, ignore_errors=True)
                        temporary.mkdir(parents=True)
            # What is sharded all processes save together: one that fails leaves at once, and its launcher ends them.
            with nullcontext() if self.sharded else together(self.accelerator), writing(path):
                self.accelerator.save_state(str(temporary))
            self.accelerator.wait_for_everyone()
            with together(self.accelerator):
                if main:
                    with writing(path):
                        write_manifest(temporary)
                        put_in_place(temporary, path)
                    known = step_folders(self.folder)
                    place = known.index(path)
                    with writing(self.folder):
                        old = known[: max(0, place + 1 - self.keep)] if self.keep else []
                        for other in (*old, *known[place + 1 :]):
                            remove(other)
        except BaseException:
            if main:
                shutil.rmtree(temporary, ignore_errors=True)
            raise

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            ConfigError: it is damaged, or of other networks or options.
        """
        with together(self.accelerator):
            if self.accelerator.is_main_process:
                require_whole(path)
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        kinds = [set(group) for group in groups]
        try:
            self.accelerator.load_state(str(path))
        except Exception as error:  # of many kinds, where one thing is put into another
            if isinstance(error, MACHINES) and not isinstance(error, FileNotFoundError):  # as for another precision
                raise
            if any(sign in str(error) for sign in NO_MEMORY):
                raise
            reason = first_line(error)
            raise ConfigError(f"--resume {path}: it does not fit these networks and options ({reason})") from error
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        if any(kind - set(group) for kind, group in zip(kinds, groups, strict=True)):
            raise ConfigError(f"--resume {path}: it does not fit these networks and options (another optimizer.name)")
        if not self.sharded and not all(map(_fits, self.optimizers)):
            raise ConfigError(
                f"--resume {path}: it does not fit these networks (the order of their parameters changed)"
            )

    def _bare_names(self, models: list[nn.Module], weights: list[dict[str, torch.Tensor]], folder: str) -> None:
        weights[:] = [self.weights()]

    def _load_bare(self, models: list[nn.Module], folder: str) -> None:
        models.clear()
        self.networks.load_state_dict(load_file(Path(folder) / WEIGHTS))
