"""The smallest adversarial training: a generator that moves numbers, and a discriminator that tells them from others.

python adversarial.py OUTPUT BATCH_SIZE     # for tests that need processes of their own
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import softplus
from toy import ToyBatch, toy_config

from emo.data.sampler import StepSampler
from emo.training.config import OptimizerConfig
from emo.training.loop import make_accelerator, train
from emo.training.stage import Stage, StageOptimizer, name_samples
from emo.training.step import TrainingStep


class AdversarialNetworks(nn.Module):
    """Both networks, called by what they are to judge: one module, as accelerate prepares one."""

    def __init__(self):
        super().__init__()
        self.generator = nn.Linear(3, 3)
        self.discriminator = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))

    def forward(self, noise: Tensor | None = None, sample: Tensor | None = None) -> tuple[Tensor | None, Tensor]:
        """What the generator makes of noise, if it is given, and a score of that or of the sample."""
        made = None if noise is None else self.generator(noise)
        return made, self.discriminator(sample if made is None else made)


@dataclass
class AdversarialConfig:
    batch_size: int
    discriminator: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(learning_rate=0.02, schedule="linear", max_grad_norm=0.5)
    )


class AdversarialStage(Stage[AdversarialNetworks, ToyBatch]):
    """True samples are 2x + 1. `poison` makes one sample infinite, for the discriminator alone."""

    def __init__(self, batch_size: int = 2, poison: int | None = None):
        torch.manual_seed(0)
        self.networks = AdversarialNetworks()
        self.config = AdversarialConfig(batch_size)
        self.batch_size = batch_size
        self.poison = poison

    def optimizers(self, config: OptimizerConfig) -> dict[str, StageOptimizer]:
        own = self.config.discriminator
        return {
            "generator": StageOptimizer(
                [{"params": list(self.networks.generator.parameters()), "lr": config.learning_rate}], config
            ),
            "discriminator": StageOptimizer(
                [{"params": list(self.networks.discriminator.parameters()), "lr": own.learning_rate}], own
            ),
        }

    def averages(self, name: str) -> bool:
        return name.startswith("generator.")

    def step(self, step: TrainingStep) -> None:
        made: list[Tensor] = []
        for batch in step.batches():
            sample, loss = self._generate(step.networks, batch)
            made.append(sample.detach())
            step.backward(loss)
        step.update("generator")
        for batch, fake in zip(step.batches(), made, strict=True):
            step.backward(*self._judge(step.networks, batch, fake))
        step.update("discriminator")

    def loss(self, networks: nn.Module, batch: ToyBatch) -> tuple[Tensor, dict[str, Tensor]]:
        return self._generate(networks, batch)[1], {}

    def _generate(self, networks: nn.Module, batch: ToyBatch) -> tuple[Tensor, Tensor]:
        sample, score = networks(noise=batch.x)
        return sample, softplus(-score).mean()

    def _judge(self, networks: nn.Module, batch: ToyBatch, fake: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        true = 2 * batch.x + 1
        if self.poison is not None:
            true = true / (batch.index != self.poison)[:, None]
        _, score = networks(sample=torch.cat([true, fake]))
        real, generated = score.chunk(2)
        return (softplus(-real) + softplus(generated)).mean(), {"right": (real > generated).float().mean()}

    def loader(self, start_batch: int, num_processes: int, process_index: int):
        for numbers in StepSampler(self.batch_size, num_processes, process_index, start_batch):
            rows = [torch.randn(3, generator=torch.Generator().manual_seed(g)) for g in numbers]
            yield ToyBatch(torch.tensor(numbers), torch.stack(rows))

    def describe(self, batch: ToyBatch) -> str:
        return name_samples(["drawn"] * len(batch), batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        save_file(weights, folder / "toy.safetensors")

    def validate(self, networks: nn.Module, folder: Path) -> dict[str, float]:
        return {}


if __name__ == "__main__":
    torch.set_num_threads(1)
    config = toy_config(Path(sys.argv[1]), 5)
    sys.exit(train(AdversarialStage(int(sys.argv[2])), config, make_accelerator(config)))
