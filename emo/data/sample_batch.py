"""What batches of all stages have in common: samples joined, counted, and brought to a device."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

BatchT = TypeVar("BatchT", bound="SampleBatch")


@dataclass(frozen=True)
class SampleBatch:
    """B samples; each field holds a tensor, a tuple, or None, of all of them.

    Attributes:
        index: (B,) int64, sample numbers.
    """

    index: Tensor

    def __len__(self) -> int:
        return len(self.index)

    @classmethod
    def collate(cls: type[BatchT], samples: Sequence[BatchT]) -> BatchT:
        """One batch of several, each usually of one sample."""
        joined: dict[str, Any] = {
            field.name: _join([getattr(sample, field.name) for sample in samples]) for field in fields(cls)
        }
        return cls(**joined)

    def to(self: BatchT, device: torch.device | str) -> BatchT:
        """The same with all tensors on another device; those within tuples stay."""
        tensors: dict[str, Any] = {
            name: tensor.to(device, non_blocking=True) for name, tensor in self._tensors().items()
        }
        return replace(self, **tensors)

    def pin_memory(self: BatchT) -> BatchT:
        """For `DataLoader(pin_memory=True)`."""
        tensors: dict[str, Any] = {name: tensor.pin_memory() for name, tensor in self._tensors().items()}
        return replace(self, **tensors)

    def _tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}


def _join(values: list) -> Any:
    first = values[0]
    if first is None:
        return None
    return torch.cat(values) if isinstance(first, Tensor) else tuple(item for value in values for item in value)
