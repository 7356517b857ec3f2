"""What the loop asks of whatever is trained."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from emo.training.config import OptimizerConfig

MAIN = "main"  # name of an only optimizer


class TrainingBatch(Protocol):
    """What a stage's loader yields: `len(batch)` samples that can move to a device."""

    def __len__(self) -> int: ...

    def to(self, device: torch.device) -> "TrainingBatch": ...


class StageStep(Protocol):
    """What a stage has at hand in one step of the loop; see `emo.training.step.TrainingStep`.

    Attributes:
        networks: the prepared module, which is called with gradients within `batches`.
        number: of the step, from 1.
    """

    networks: nn.Module
    number: int

    def batches(self) -> Iterator[Any]:
        """The batches of the step on the device, again the same ones whenever this is called."""
        ...

    def backward(self, loss: Tensor, scalars: dict[str, Tensor] | None = None) -> None:
        """Add a batch's gradients to those there are."""
        ...

    def update(self, name: str | None = None) -> None:
        """Let an optimizer, the first one by default, change its parameters."""
        ...


NetworksT = TypeVar("NetworksT", bound=nn.Module)
BatchT = TypeVar("BatchT", bound=TrainingBatch)


@dataclass(frozen=True)
class StageOptimizer:
    """One of a stage's optimizers.

    Attributes:
        groups: parameter groups, `{"params": [...], "lr": ...}`; no parameter is in two optimizers.
        config: its kind, its learning rates over the run, and the clipping of its gradients.
    """

    groups: list[dict[str, Any]]
    config: OptimizerConfig


class Stage(ABC, Generic[NetworksT, BatchT]):
    """Base of whatever `emo.training.loop.train` trains.

    All that is random in a step must come from the samples' numbers, so that resuming is exact and two processes see
    what one with twice the batch sees.

    Attributes:
        networks: one module with everything that trains; accelerate prepares it. Of what lies in it, that which does
            not train has `requires_grad` false. Everything that requires a gradient must get one in every step.
        batch_size: B, samples per process and batch.
        config: the whole configuration, a dataclass; kept as `config.yaml`.
    """

    networks: NetworksT
    batch_size: int
    config: Any

    @abstractmethod
    def loader(self, start_batch: int, num_processes: int, process_index: int) -> Iterable[BatchT]:
        """This process's batches without end, from the `start_batch`-th on, such as by `emo.data.StepSampler`.

        Batch s of R processes with B samples each holds the samples s*R*B ... (s+1)*R*B - 1, process r the r-th B of
        them. Accumulated batches count on like all others. `loader.sample_loader` does the rest.
        """

    @abstractmethod
    def loss(self, networks: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and more scalars to log, for what `encode` makes of a batch; all are means over the samples.

        Args:
            networks: the prepared module; only calling it is sure to work when several processes train.
        """

    @abstractmethod
    def describe(self, batch: BatchT) -> str:
        """What a batch is made of, for the message when it breaks the training; see `name_samples`."""

    @abstractmethod
    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """Write the result into an empty folder.

        Args:
            weights: state dict of `networks`, averaged where the loop averages.
        """

    @abstractmethod
    def validate(self, networks: NetworksT, folder: Path) -> dict[str, float]:
        """Show what the networks, bare and with averaged weights if there are, can do, as files in an empty folder.

        Returns:
            Scalars to log, if there are any.
        """

    def encode(self, batch: BatchT) -> Any:
        """What `loss` takes of a batch on the networks' device: what networks that do not train make of it."""
        return batch

    def step(self, step: StageStep) -> None:
        """One step of the loop. Stages whose networks learn in turns have one of their own."""
        for batch in step.batches():
            step.backward(*self.loss(step.networks, self.encode(batch)))
        step.update()

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Groups for an only optimizer, of all that requires a gradient."""
        return [{"params": [p for p in self.networks.parameters() if p.requires_grad], "lr": learning_rate}]

    def optimizers(self, config: OptimizerConfig) -> dict[str, StageOptimizer]:
        """By name all optimizers, each of which `step` has to update. Values of the first one are logged as `loss`,
        `grad_norm` and `lr`, those of others as `NAME/loss` and so on.

        Args:
            config: what `train.optimizer` says.
        """
        return {MAIN: StageOptimizer(self.parameter_groups(config.learning_rate), config)}

    def averages(self, name: str) -> bool:
        """Whether `train.ema_decay` applies to a parameter of `networks`; not to a discriminator's, for instance."""
        return True


def name_samples(names: Sequence[str], index: Tensor) -> str:
    """For `Stage.describe`: what each sample is made of, with its number, (B,)."""
    return ", ".join(f"{name} (sample {g})" for name, g in zip(names, index.tolist(), strict=True))
