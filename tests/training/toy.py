"""The smallest thing the loop can train: one layer that learns a line, from samples drawn by their numbers."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from emo.data.sampler import StepSampler
from emo.training.config import LoopConfig, OptimizerConfig
from emo.training.stage import Stage


@dataclass
class ToyBatch:
    index: Tensor
    x: Tensor

    def __len__(self) -> int:
        return len(self.index)

    def to(self, device) -> "ToyBatch":
        return ToyBatch(self.index.to(device), self.x.to(device))


@dataclass
class ToyConfig:
    batch_size: int


class ToyStage(Stage[nn.Module, ToyBatch]):
    """Fits y = 2x + 1 in three dimensions; `poison` makes one sample's loss infinite."""

    def __init__(self, batch_size: int = 2, poison: int | None = None):
        torch.manual_seed(0)
        self.networks = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))
        self.batch_size, self.poison = batch_size, poison
        self.seen: list[int] = []
        self.config = ToyConfig(batch_size)

    def loader(self, start_batch: int, num_processes: int, process_index: int):
        for numbers in StepSampler(self.batch_size, num_processes, process_index, start_batch):
            self.seen += numbers
            rows = [torch.randn(3, generator=torch.Generator().manual_seed(g)) for g in numbers]
            yield ToyBatch(torch.tensor(numbers), torch.stack(rows))

    def loss(self, networks: nn.Module, batch: ToyBatch) -> tuple[Tensor, dict[str, Tensor]]:
        error = (networks(batch.x) - (2 * batch.x + 1)).square().mean(dim=1)
        if self.poison is not None:
            error = error / (batch.index != self.poison)
        return error.mean(), {"largest": error.max()}

    def describe(self, batch: ToyBatch) -> str:
        return f"samples {batch.index.tolist()}"

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        save_file(weights, folder / "toy.safetensors")

    def validate(self, networks: nn.Module, folder: Path) -> dict[str, float]:
        (folder / "validated.txt").write_text(str(networks.training))
        return {"score": 0.25}


def toy_config(output: Path, steps: int = 6, **options) -> LoopConfig:
    optimizer = OptimizerConfig(learning_rate=0.05, **options.pop("optimizer", {}))
    return LoopConfig(
        **{
            "output": str(output),
            "steps": steps,
            "log_every": 1,
            "tensorboard": False,
            "optimizer": optimizer,
            **options,
        }
    )
