"""What VASA-1's face model reads motion with, trained alone, before all else (3.1). See docs/vasa-face.md."""

import json
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import ClipReader, SampledClips, StepSampler
from emo.motion.space import CONTROLS, MotionSpace
from emo.motion.vasa.volume import POSE
from emo.training.loader import sample_loader
from emo.training.stage import Stage, name_samples
from emo.training.vasa.samples import clip_motion
from emo.training.vasa_codes.config import VASACodesConfig
from emo.training.vasa_codes.samples import CodesBatch, CodesSampler
from emo.training.vasa_face.folder import load_face_networks, save_face_networks
from emo.training.vasa_face.networks import VASAFaceNetworks

VALIDATION = 0x905E  # seed of the pictures of a validation


class CodeNetworks(nn.Module):
    """The face model, of which the encoders of pose and dynamics alone are asked, and learn."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, face: VASAFaceNetworks, space: MotionSpace):
        super().__init__()
        for name in ("mean", "deviation"):
            self.register_buffer(name, getattr(space, name)[len(POSE) :], persistent=False)
        self.face = face.requires_grad_(False)
        face.animator.pose_encoder.requires_grad_(True)
        face.animator.dynamics_encoder.requires_grad_(True)
        self.controls = nn.Linear(face.animator.config["dynamics_dim"], len(CONTROLS) - len(POSE))

    def forward(self, pictures: Tensor) -> Tensor:
        """Controls (N, 14) of pictures (N, 3, S, S) in -1 ... 1: all but the pose's are told by the dynamics."""
        pose, dynamics = self.face.animator.read(pictures).tensor_split([len(POSE)], dim=1)
        return torch.cat([pose, self.mean + self.deviation * self.controls(dynamics)], dim=1)


class VASACodesStage(Stage[CodeNetworks, CodesBatch]):
    """See `emo.training.stage.Stage`. What it saves `train/vasa_face.py` goes on from by `model.init`."""

    config: VASACodesConfig

    def __init__(self, config: VASACodesConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.reader = self._reader(config.data.split)
        if config.train.validate_every:
            self._reader(config.data.held_out)  # now, and not after hours
        self.device = accelerator.device
        self.space = CONTROLS.measured(torch.cat([clip_motion(self.reader, n) for n in range(len(self.reader))]))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.networks = CodeNetworks(load_face_networks(config.model, self.seed), self.space)

    def _reader(self, split: str) -> ClipReader:
        side = self.config.model.sample_size
        return ClipReader(self.config.data.root, split, with_labels=CONTROLS.names, size=side)

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        data = self.config.data
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        samples = SampledClips(self.reader, CodesSampler(data.frames), self.seed)
        return sample_loader(samples, CodesBatch.collate, sampler, data.workers)

    def loss(self, networks: nn.Module, batch: CodesBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The absolute difference of the controls from the labels', in the clips' deviations."""
        found, true = self._controls(networks, batch)
        errors = (found - true).abs().mean(0)
        return (errors / self.space.deviation.to(errors)).mean(), dict(zip(CONTROLS.names, errors, strict=True))

    def _controls(self, networks: nn.Module, batch: CodesBatch) -> tuple[Tensor, Tensor]:
        """What is read of a batch, and what is true, (N, 14) each."""
        return networks(batch.pictures.float() / 127.5 - 1).float(), batch.controls

    def describe(self, batch: CodesBatch) -> str:
        return name_samples(batch.clips, batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """`animator` and `identity_encoder`, as `train/vasa_face.py` writes them."""
        face = {key.removeprefix("face."): value for key, value in weights.items() if key.startswith("face.")}
        save_face_networks(self.networks.face, folder, face)

    @torch.no_grad()
    def validate(self, networks: CodeNetworks, folder: Path) -> dict[str, float]:
        """Held-out clips: of each control the mean error (`yaw`, …) and r, logged and in `scores.json`."""
        reader, sampler = self._reader(self.config.data.held_out), CodesSampler(self.config.data.frames)
        numbers = range(min(self.config.validated, len(reader)))
        samples = [sampler.sample(reader, n, n, np.random.default_rng((VALIDATION, n))) for n in numbers]
        pairs = [self._controls(networks, CodesBatch.collate([sample]).to(self.device)) for sample in samples]
        found, true = (torch.cat(values).cpu().numpy() for values in zip(*pairs, strict=True))
        scores = {name: float(np.abs(found[:, n] - true[:, n]).mean()) for n, name in enumerate(CONTROLS.names)}
        scores |= {f"{c} r": float(np.corrcoef(found[:, n], true[:, n])[0, 1]) for n, c in enumerate(CONTROLS.names)}
        (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        return scores
