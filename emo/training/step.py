"""One step of the loop, in whose course a stage reads batches and changes weights."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from accelerate.utils import gather_object
from torch import Tensor, nn

from emo.errors import EmoError
from emo.training.stage import Stage


class DivergedError(EmoError):
    """The loss or its gradient is no longer a number."""


@dataclass(frozen=True)
class PreparedOptimizer:
    """An optimizer at work.

    Attributes:
        optimizer: as accelerate has prepared it.
        parameters: of the prepared networks, those that it changes.
        max_grad_norm: to which the norm of their gradients is clipped; 0 for none.
    """

    optimizer: AcceleratedOptimizer
    parameters: list[nn.Parameter]
    max_grad_norm: float


@dataclass
class TrainingStep:
    """What `Stage.step` has at hand. It goes through the batches, calls `backward` for each, and then `update`:

        for batch in step.batches():
            step.backward(*self.loss(step.networks, batch))
        step.update()

    A stage with several optimizers does so for each in turn, over the same batches or the same results kept.

    Attributes:
        accelerator: of the run.
        stage: whose step it is.
        networks: the prepared module, which is called with gradients within `batches`.
        optimizers: by name.
        loader: of batches on.
        number: of the step, from 1.
        accumulation: batches of the step.
        stop: whether this process wants the run to end after this step.
        values: what is to be logged, as means over all processes, once `update` was called.
    """

    accelerator: Accelerator
    stage: Stage[Any, Any]
    networks: nn.Module
    optimizers: dict[str, PreparedOptimizer]
    loader: Iterator[Any]
    number: int
    accumulation: int
    stop: bool
    values: dict[str, float] = field(default_factory=dict)
    _batches: list[Any] = field(default_factory=list)
    _results: list[tuple[Tensor, dict[str, Tensor]]] = field(default_factory=list)
    _waited: float = 0.0
    _unseen: float = 0.0  # samples that no `update` has counted yet

    def batches(self) -> Iterator[Any]:
        """The batches of the step on the device, again the same ones whenever this is called."""
        for number in range(self.accumulation):
            if number == len(self._batches):
                self._batches.append(self._next())
            with self.accelerator.accumulate(self.networks):
                yield self._batches[number].to(self.accelerator.device)

    def backward(self, loss: Tensor, scalars: dict[str, Tensor] | None = None) -> None:
        """Add a batch's gradients to those there are.

        Args:
            loss: mean over the samples.
            scalars: more to log, the same names for every batch.
        """
        self.accelerator.backward(loss)
        detached = {name: value.detach() for name, value in (scalars or {}).items()}
        self._results.append((loss.detach(), detached))

    def update(self, name: str | None = None) -> None:
        """Clip the gradients of one optimizer's parameters, let it change them, and clear all gradients.

        Args:
            name: of the optimizer; the first one by default.

        Raises:
            DivergedError: loss or gradient are not finite; the message names step and samples. No weights were
                changed by this update.
        """
        first = next(iter(self.optimizers))
        prefix = "" if name in (None, first) else f"{name}/"
        chosen = self.optimizers[first if name is None else name]
        norm = self.accelerator.clip_grad_norm_(chosen.parameters, chosen.max_grad_norm or float("inf"))
        values = self._means(prefix)
        values[f"{prefix}grad_norm"] = float("nan") if norm is None else float(norm)
        self._check_finite(values[f"{prefix}loss"], norm)
        chosen.optimizer.step()
        for each in self.optimizers.values():
            each.optimizer.zero_grad()
        self._results.clear()
        self.values |= values

    def _next(self) -> Any:
        asked = time.monotonic()
        batch = next(self.loader)
        self._waited += time.monotonic() - asked
        self._unseen += len(batch)
        return batch

    def _means(self, prefix: str) -> dict[str, float]:
        """Means of what `backward` was given; beside them all processes agree here, in one round, whether to stop."""
        own = torch.stack(
            [torch.stack([value.float() for value in (loss, *more.values())]) for loss, more in self._results]
        ).mean(dim=0)
        flags = own.new_tensor([self._waited, float(self.stop), self._unseen])
        joint = cast(Tensor, self.accelerator.reduce(torch.cat([own, flags]), reduction="mean"))
        *means, waited, stop, seen = joint.tolist()
        self.stop = stop > 0
        self.values["waited"] = self.values.get("waited", 0.0) + waited
        samples = round(seen * self.accelerator.num_processes)
        self.values["samples"] = self.values.get("samples", 0) + samples
        self._waited = 0.0
        self._unseen = 0.0
        names = ("loss", *self._results[0][1])
        return {prefix + name: mean for name, mean in zip(names, means, strict=True)}

    def _check_finite(self, loss: float, norm: Tensor | None) -> None:
        """Stop all processes when the loss is not finite, or the gradient where no scaler takes care of that."""
        loss_is_finite = math.isfinite(loss)
        if loss_is_finite and (norm is None or self.accelerator.scaler or math.isfinite(float(norm))):
            return
        pairs = zip(self._results, self._batches, strict=True)
        suspects = [batch for (own, _), batch in pairs if loss_is_finite or not math.isfinite(float(own))]
        named = [self.stage.describe(batch) for batch in suspects]
        if self.accelerator.num_processes > 1:
            named = gather_object(named)
        what = "gradient" if loss_is_finite else "loss"
        raise DivergedError(
            f"step {self.number}: the {what} is not finite, at {'; '.join(named)}; look at these samples, "
            "lower train.optimizer.learning_rate, or go on from the last checkpoint with --resume latest"
        )
