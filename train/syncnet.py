"""SyncNet, which tells whether lips and sound go together, trained on any dataset with faces and sound.

accelerate launch train/syncnet.py --config configs/train/emo-tiny/syncnet.yaml data.root=DATASET
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from accelerate import Accelerator
from omegaconf import MISSING
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from emo.bounds import Choice, Name, Numbers, Several
from emo.data import StepSampler
from emo.errors import ConfigError, EmoError
from emo.metrics.face_crops import REGIONS
from emo.metrics.lip_sync import MAX_LAG, lag_distances
from emo.metrics.syncnet import FRAMES, LAYERS, SyncNet
from emo.training.config import BATCH, WORKERS, LoopConfig, load_settings, run
from emo.training.loader import sample_loader
from emo.training.loop import make_accelerator, train
from emo.training.sync_samples import AugmentConfig, SyncBatch, SyncSamples

WIDTHS = Several(Numbers(1, 65536), LAYERS)
NEAR = 1  # frames by which a found offset may be off


@dataclass
class DataConfig:
    """Clips to learn from. frames: of each, at 25 per second. held_out: split for validation."""

    root: Annotated[str, Name()] = MISSING
    split: Annotated[str, Name()] = "train"
    held_out: Annotated[str, Name()] = "test"
    frames: Annotated[int, Numbers(FRAMES + 2, 10**5)] = 75
    batch_size: Annotated[int, BATCH] = 4
    workers: Annotated[int, WORKERS] = 1


@dataclass
class NetworkConfig:
    """The network, see `SyncNet`; init: folder of a trained one to go on from instead."""

    audio_widths: Annotated[list[int], WIDTHS] = field(default_factory=lambda: [64, 192, 384, 256, 256, 512])
    lip_widths: Annotated[list[int], WIDTHS] = field(default_factory=lambda: [96, 256, 256, 256, 256, 512])
    embedding: Annotated[int, Numbers(1, 65536)] = 1024
    crop_size: Annotated[int, Numbers(51, 1024)] = 224
    region: Annotated[str, Choice(tuple(REGIONS))] = "face"
    zero_ends: bool = True
    init: Annotated[str | None, Name()] = None


@dataclass
class LossConfig:
    """kind: "lags", which of all moments of its clip a picture's sound is, and a sound's picture; or "pairs", the
    paper's contrastive loss of true pairs and pairs from two moments of a clip, of which those nearer than the margin
    are pushed apart."""

    kind: Annotated[str, Choice(("lags", "pairs"))] = "lags"
    margin: Annotated[float, Numbers(0, 1e4, above=True)] = 2.0


@dataclass
class SyncConfig:
    """All options. validated: clips."""

    data: DataConfig = field(default_factory=DataConfig)
    model: NetworkConfig = field(default_factory=NetworkConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: LoopConfig = field(default_factory=LoopConfig)
    validated: Annotated[int, Numbers(1, 10**6)] = 32


class SyncStage:
    """See `emo.training.loop.Stage`. A sample is a piece of a clip, all moments of which are compared."""

    def __init__(self, config: SyncConfig, accelerator: Accelerator):
        self.config, self.seed, self.batch_size = config, config.train.seed, config.data.batch_size
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
            size=network.crop_size,
            region=network.region,
            augment=augment,
        )

    def parameter_groups(self, learning_rate: float) -> list[dict]:
        return [{"params": list(self.networks.parameters()), "lr": learning_rate}]

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
        return ", ".join(f"{clip} (sample {g})" for clip, g in zip(batch.clips, batch.index.tolist(), strict=True))

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """The network, as `SyncNet.from_pretrained` takes it."""
        network = SyncNet.from_config(self.networks.config)
        network.load_state_dict(weights)
        network.save_pretrained(folder)

    def validate(self, networks: SyncNet, folder: Path) -> dict[str, float]:
        """On held-out clips as they are, in `scores.json` and logged: the share whose lips and sound are found to be
        together, give or take a frame, and the means of LSE-C and LSE-D; per clip in the file alone."""
        samples = self.samples(self.config.data.held_out, None)
        found = {}
        for number in range(min(self.config.validated, len(samples.clips))):
            sample = samples[number].to(self.device)
            lips, sounds = (each[0].float().cpu() for each in networks(sample.crops, sample.coefficients))
            max_lag = min(MAX_LAG, len(lips) - 1)
            found[sample.clips[0]] = lag_distances(lips, sounds, max_lag, zero_ends=networks.config.zero_ends)
        scores = {
            "accuracy": float(np.mean([abs(sync.offset) <= NEAR for sync in found.values()])),
            "confidence": float(np.mean([sync.confidence for sync in found.values()])),
            "distance": float(np.mean([sync.distance for sync in found.values()])),
        }
        clips = {
            name: {"offset": sync.offset, "confidence": sync.confidence, "distance": sync.distance}
            for name, sync in found.items()
        }
        (folder / "scores.json").write_text(json.dumps(scores | {"clips": clips}, indent=2) + "\n", encoding="utf-8")
        return scores


def lag_loss(lips: Tensor, sounds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy of finding a picture's sound among all of its clip's, and a sound's picture, with logits that are
    the negative distances which LSE-D averages; embeddings (B, N, D). Logged: how often the sound is found, give or
    take a frame."""
    logits = -(lips[:, :, None] - sounds[:, None]).square().sum(-1).add(1e-6).sqrt()  # (B, N, N)
    true = torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)
    loss = (cross_entropy(logits.transpose(1, 2), true) + cross_entropy(logits, true)) / 2
    return loss, {"found": ((logits.argmax(2) - true).abs() <= NEAR).float().mean()}


def contrastive_loss(
    lips: Tensor, sounds: Tensor, shifts: list[int], config: LossConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """The paper's loss: squared distances of true pairs, and the squares of what false ones lack of the margin.

    Args:
        lips, sounds: (B, N, D). shifts: of each sample's sounds, for the false pairs.
    """
    false = torch.stack([sound.roll(shift, 0) for sound, shift in zip(sounds, shifts, strict=True)])
    near = (lips - sounds).square().sum(-1).add(1e-6)
    far = (lips - false).square().sum(-1).add(1e-6).sqrt()
    loss = (near.mean() + (config.margin - far).clamp(min=0).square().mean()) / 2
    return loss, {"true": near.sqrt().mean(), "false": far.mean()}


def _build(config: NetworkConfig) -> SyncNet:
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


def main() -> int:
    config, resume = load_settings(SyncConfig, description=__doc__)
    accelerator = make_accelerator(config.train)
    return train(SyncStage(config, accelerator), config.train, accelerator, resume)


if __name__ == "__main__":
    sys.exit(run(main))
