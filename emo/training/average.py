"""Exponential moving average of the weights that train."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor


class AveragedWeights:
    """EMA of parameters in float32, with diffusers' warm-up (1 + t)/(10 + t); nothing at all for a decay of 0.

    diffusers' `EMAModel` cannot take parameters that FSDP spreads over processes.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float):
        self.parameters = list(parameters)
        self.decay = decay
        self.steps = 0
        self._averages = [p.detach().float().clone() for p in self.parameters] if decay else []

    @torch.no_grad()
    def step(self) -> None:
        """Take the parameters of this step in."""
        if self.decay:
            decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.steps else 0.0
            current = [p.float() for p in _local(self.parameters)]
            torch._foreach_lerp_(_local(self._averages), current, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
            self.steps += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The averages stand in the parameters while the context lasts."""
        if not self.decay:
            yield
            return
        own = [p.to("cpu", copy=True) for p in _local(self.parameters)]
        _copy(_local(self.parameters), _local(self._averages))
        try:
            yield
        finally:
            _copy(_local(self.parameters), own)

    def state_dict(self) -> dict:
        """Whole tensors, also where FSDP spreads them over processes; all processes call this."""
        whole = [a.full_tensor() if isinstance(a, DTensor) else a for a in self._averages]
        return {"steps": self.steps, "averages": whole}

    def load_state_dict(self, state: dict) -> None:
        """Take saved averages; where none were, averaging starts from the weights at hand."""
        if self.decay and state["averages"]:
            self.steps = state["steps"]
            pairs = zip(state["averages"], self._averages, strict=True)
            self._averages = [_spread(tensor, like) for tensor, like in pairs]


def _copy(into: list[Tensor], tensors: list[Tensor]) -> None:
    torch._foreach_copy_(into, tensors)  # pyright: ignore[reportPrivateImportUsage] (as optimizers use it)


def _local(tensors: Sequence[Tensor]) -> list[Tensor]:
    """This process's parts, in the tensors' own memory."""
    return [t.to_local() if isinstance(t, DTensor) else t for t in (t.detach() for t in tensors)]


def _spread(tensor: Tensor, like: Tensor) -> Tensor:
    tensor = tensor.to(like.device)
    return distribute_tensor(tensor, like.device_mesh, like.placements) if isinstance(like, DTensor) else tensor
