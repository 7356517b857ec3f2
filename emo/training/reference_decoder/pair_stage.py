"""What the trainings on frames beside references have in common: the samples, and how they are loaded and named."""

import torch
from torch.utils.data import DataLoader

from emo.data import StepSampler
from emo.training.loader import sample_loader
from emo.training.reference_decoder.samples import PairBatch, PairSamples
from emo.training.stage import NetworksT, Stage, name_samples


class PairStage(Stage[NetworksT, PairBatch]):
    """Base of such stages; see `emo.training.stage.Stage`.

    Attributes:
        device: where the networks are.
        seed: of all draws.
    """

    device: torch.device
    seed: int

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Of a model's errors in frames' latents, (L, h, w); of no numbers where they are not read."""
        return 0, 0, 0

    def samples(self, split: str) -> PairSamples:
        """References and frames by sample number."""
        return PairSamples(self.config.data, split, self.seed, self.latent_shape)

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        pin_memory = self.device.type == "cuda"
        workers = self.config.data.workers
        return sample_loader(self.samples("train"), PairBatch.collate, sampler, workers, pin_memory=pin_memory)

    def describe(self, batch: PairBatch) -> str:
        return name_samples(batch.clips, batch.index)
