"""SyncNet, which tells whether lips and sound go together, trained on any dataset with faces and sound."""

import json
from pathlib import Path
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import StepSampler
from emo.errors import ConfigError, EmoError
from emo.metrics.lip_sync import MAX_LAG, lag_distances
from emo.metrics.syncnet import SyncNet
from emo.training.loader import sample_loader
from emo.training.stage import Stage, name_samples
from emo.training.syncnet.config import AugmentConfig, SyncNetTrainingConfig, SyncNetworkConfig
from emo.training.syncnet.losses import NEAR, contrastive_loss, lag_loss
from emo.training.syncnet.samples import SyncBatch, SyncSamples


class SyncNetStage(Stage[SyncNet, SyncBatch]):
    """See `emo.training.stage.Stage`. A sample is a piece of a clip, all moments of which are compared."""

    config: SyncNetTrainingConfig

    def __init__(self, config: SyncNetTrainingConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        if config.train.ema_decay:
            raise ConfigError("train.ema_decay must be 0: running means of activations would not fit averaged weights")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.networks = SyncNet.from_folder(config.model.init) if config.model.init else _build(config.model)
        self.networks.train()

    def samples(self, split: str, augment: AugmentConfig | None) -> SyncSamples:
        """Pieces of clips by sample number."""
        network = self.networks.config
        return SyncSamples(
            self.config.data.root,
            split,
            self.seed,
            frames=self.config.data.frames,
            size=network["crop_size"],
            region=network["region"],
            augment=augment,
        )

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        data = self.config.data
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        pin_memory = self.device.type == "cuda"
        samples = self.samples(data.split, self.config.augment)
        return sample_loader(samples, SyncBatch.collate, sampler, data.workers, pin_memory=pin_memory)

    def loss(self, networks: nn.Module, batch: SyncBatch) -> tuple[Tensor, dict[str, Tensor]]:
        lips, sounds = (each.float() for each in networks(batch.crops, batch.coefficients))
        if self.config.loss.kind == "pairs":
            return contrastive_loss(lips, sounds, self.shifts(batch.index.tolist(), lips.shape[1]), self.config.loss)
        return lag_loss(lips, sounds)

    def shifts(self, numbers: list[int], moments: int) -> list[int]:
        """By how many moments, 1 ... moments - 1, the sounds of each sample are moved for its false pairs."""
        return [int(np.random.default_rng((0x59E, self.seed, g)).integers(1, moments)) for g in numbers]

    def describe(self, batch: SyncBatch) -> str:
        return name_samples(batch.clips, batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """The network, as `SyncNet.from_pretrained` takes it."""
        network = cast(SyncNet, SyncNet.from_config(self.networks.config))
        network.load_state_dict(weights)
        network.save_pretrained(folder)

    def validate(self, networks: SyncNet, folder: Path) -> dict[str, float]:
        """On held-out clips as they are, in `scores.json` and logged: the share whose lips and sound are found to be
        together, give or take a frame, and the means of LSE-C and LSE-D; per clip in the file alone."""
        samples = self.samples(self.config.data.held_out, None)
        syncs = {}
        for number in range(min(self.config.validated, len(samples.clips))):
            sample = samples[number].to(self.device)
            lips, sounds = (each[0].float().cpu() for each in networks(sample.crops, sample.coefficients))
            max_lag = min(MAX_LAG, len(lips) - 1)
            syncs[sample.clips[0]] = lag_distances(lips, sounds, max_lag, zero_ends=networks.config["zero_ends"])
        scores = {
            "accuracy": float(np.mean([abs(sync.offset) <= NEAR for sync in syncs.values()])),
            "confidence": float(np.mean([sync.confidence for sync in syncs.values()])),
            "distance": float(np.mean([sync.distance for sync in syncs.values()])),
        }
        clips = {
            name: {"offset": sync.offset, "confidence": sync.confidence, "distance": sync.distance}
            for name, sync in syncs.items()
        }
        (folder / "scores.json").write_text(json.dumps(scores | {"clips": clips}, indent=2) + "\n", encoding="utf-8")
        return scores


def _build(config: SyncNetworkConfig) -> SyncNet:
    """The configured network with random weights."""
    try:
        return SyncNet(
            audio_widths=config.audio_widths,
            lip_widths=config.lip_widths,
            embedding=config.embedding,
            crop_size=config.crop_size,
            region=config.region,
            zero_ends=config.zero_ends,
        )
    except EmoError as error:
        raise ConfigError(f"model: {error}") from error
