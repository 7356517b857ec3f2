"""What VASA-1's face model reads poses with, trained alone, before all else (3.1). See docs/vasa-face.md."""

import json
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import ClipReader, SampledClips, StepSampler
from emo.motion.space import CONTROLS
from emo.motion.vasa.volume import POSE
from emo.training.loader import sample_loader
from emo.training.stage import Stage, name_samples
from emo.training.vasa_face.folder import load_face_networks, save_face_networks
from emo.training.vasa_face.networks import VASAFaceNetworks
from emo.training.vasa_pose.config import VASAPoseConfig
from emo.training.vasa_pose.samples import PoseBatch, PoseSampler

VALIDATION = 0x905E  # seed of the pictures of a validation


class PoseNetworks(nn.Module):
    """The whole face model, of which the pose's encoder alone is asked, and learns."""

    def __init__(self, face: VASAFaceNetworks):
        super().__init__()
        self.face = face.requires_grad_(False)
        face.animator.pose_encoder.requires_grad_(True)

    def forward(self, pictures: Tensor) -> Tensor:
        """Poses (N, 6) of pictures (N, 3, S, S) in -1 ... 1."""
        return self.face.animator.read_pose(pictures)


class VASAPoseStage(Stage[PoseNetworks, PoseBatch]):
    """See `emo.training.stage.Stage`. What it saves `train/vasa_face.py` goes on from by `model.init`."""

    config: VASAPoseConfig

    def __init__(self, config: VASAPoseConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.reader = self._reader(config.data.split)
        if config.train.validate_every:
            self._reader(config.data.held_out)  # now, and not after hours
        self.device = accelerator.device
        self.networks = PoseNetworks(load_face_networks(config.model, self.seed))

    def _reader(self, split: str) -> ClipReader:
        side = self.config.model.sample_size
        return ClipReader(self.config.data.root, split, with_labels=POSE, size=side)

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        data = self.config.data
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        samples = SampledClips(self.reader, PoseSampler(data.frames), self.seed)
        return sample_loader(samples, PoseBatch.collate, sampler, data.workers)

    def loss(self, networks: nn.Module, batch: PoseBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The absolute difference of the pose from the labels', in usual deviations."""
        found, true = self._poses(networks, batch)
        usual = found.new_tensor([column.deviation for column in CONTROLS.columns[: len(POSE)]])
        errors = (found - true).abs().mean(0)
        return (errors / usual).mean(), dict(zip(POSE, errors, strict=True))

    def _poses(self, networks: nn.Module, batch: PoseBatch) -> tuple[Tensor, Tensor]:
        """What is read of a batch, and what is true, (N, 6) each."""
        return networks(batch.pictures.float() / 127.5 - 1).float(), batch.pose

    def describe(self, batch: PoseBatch) -> str:
        return name_samples(batch.clips, batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """`animator` and `identity_encoder`, as `train/vasa_face.py` writes them."""
        save_face_networks(self.networks.face, folder, {key.removeprefix("face."): w for key, w in weights.items()})

    @torch.no_grad()
    def validate(self, networks: PoseNetworks, folder: Path) -> dict[str, float]:
        """Held-out clips: of each number of a pose the mean error (`yaw`, …) and r, logged and in `scores.json`."""
        reader, sampler = self._reader(self.config.data.held_out), PoseSampler(self.config.data.frames)
        numbers = range(min(self.config.validated, len(reader)))
        samples = [sampler.sample(reader, n, n, np.random.default_rng((VALIDATION, n))) for n in numbers]
        pairs = [self._poses(networks, PoseBatch.collate([sample]).to(self.device)) for sample in samples]
        found, true = (torch.cat(values).cpu().numpy() for values in zip(*pairs, strict=True))
        scores = {name: float(np.abs(found[:, n] - true[:, n]).mean()) for n, name in enumerate(POSE)}
        scores |= {f"{name} r": float(np.corrcoef(found[:, n], true[:, n])[0, 1]) for n, name in enumerate(POSE)}
        (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        return scores
