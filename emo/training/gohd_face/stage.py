"""GoHD's face animator, trained on pairs of frames with exact flow between them (3.3). See docs/gohd-face.md."""

import json
from functools import reduce
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from emo.data.synthetic.reference_pairs import REACH
from emo.errors import ConfigError, DatasetError
from emo.motion import CONTROLS
from emo.training.adversarial import discriminator_loss
from emo.training.config import OptimizerConfig
from emo.training.gohd_face.config import GoHDFaceConfig
from emo.training.gohd_face.figures import navigation_figures, navigation_sheet
from emo.training.gohd_face.losses import FrameTruth, navigation_losses
from emo.training.gohd_face.networks import DISCRIMINATOR, GoHDFaceNetworks, load_networks, save_networks
from emo.training.reference_decoder.pair_stage import PairStage
from emo.training.reference_decoder.samples import PairBatch
from emo.training.stage import MAIN, StageOptimizer, StageStep
from emo.unets.warp import resize

AT_ONCE = 8  # references, where nothing is learned from them
SHOWN = 6  # references


class GoHDFaceStage(PairStage[GoHDFaceNetworks]):
    """See `emo.training.stage.Stage`. With an adversarial loss animator and discriminator learn in turns."""

    config: GoHDFaceConfig

    def __init__(self, config: GoHDFaceConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        self.networks = load_networks(config.model, config.loss.adversarial > 0, self.seed)
        self.reach = self.networks.animator.config["reach"]
        if self.reach > REACH:
            raise ConfigError(f"model.config: a reach of {self.reach} frames; pairs have the motion of {REACH}")
        first = self.samples("train")[0]
        told = [first.motion, first.source] if self.networks.animator.config["source_pose"] else [first.motion]
        if not all(each.numel() for each in told):
            raise DatasetError(f"{config.data.pairs} tells no motion; make it anew: train/reference_decoder_data.py")

    def optimizers(self, config: OptimizerConfig) -> dict[str, StageOptimizer]:
        judge = self.networks.discriminator
        if judge is None:
            return super().optimizers(config)
        judged = set(judge.parameters())
        own = {"params": [p for p in self.networks.parameters() if p not in judged], "lr": config.learning_rate}
        theirs = self.config.discriminator
        judging = {"params": list(judge.parameters()), "lr": theirs.learning_rate}
        return {MAIN: StageOptimizer([own], config), DISCRIMINATOR: StageOptimizer([judging], theirs)}

    def averages(self, name: str) -> bool:
        return not name.startswith(f"{DISCRIMINATOR}.")

    def step(self, step: StageStep) -> None:
        made: list[tuple[Tensor, Tensor]] = []
        for batch in step.batches():
            drawn, truth = self.drawn(step.networks, batch)
            made.append((truth.frames, drawn.frames.detach()))
            step.backward(*_total(navigation_losses(drawn, truth, self.config.loss)))
        step.update(MAIN)
        if self.networks.discriminator is None:
            return
        for true, frames in made:
            step.backward(*discriminator_loss(step.networks(judged=torch.cat([true, frames.to(true)]))))
        step.update(DISCRIMINATOR)

    def loss(self, networks: nn.Module, batch: PairBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The animator's, with the reader's."""
        return _total(navigation_losses(*self.drawn(networks, batch), self.config.loss))

    def drawn(self, networks: nn.Module, batch: PairBatch):
        """What is drawn of a batch, and what it should be."""
        first, truth, windows = self.prepared(batch)
        return networks(first, truth.frames, self.cut(windows, batch.index.tolist()), self.source(batch)), truth

    def source(self, batch: PairBatch) -> Tensor | None:
        """Motion of the references, (B, 14), for animators that are told it."""
        return batch.source if self.networks.animator.config["source_pose"] else None

    def prepared(self, batch: PairBatch) -> tuple[Tensor, FrameTruth, Tensor]:
        """References, the truth of the frames beside them, and motion about these, (B, 2 r + 1, 14)."""
        side, own = self.networks.animator.config["sample_size"], batch.reference.shape[-1]
        first, second = (resize(value / 127.5 - 1, side, side) for value in (batch.reference, batch.frames[:, 0]))
        windows = batch.motion[:, 0, REACH - self.reach : REACH + self.reach + 1]
        truth = FrameTruth(
            frames=second,
            points=batch.points[:, 0] * (side / own),
            controls=CONTROLS.normalize(windows[:, self.reach]),
            parts=batch.parts[:, 0],
            flow=batch.flow[:, 0],
            visible=batch.visible[:, 0],
        )
        return first, truth, windows

    def cut(self, windows: Tensor, numbers: list[int]) -> Tensor:
        """Windows of which some end early, on a side, where their last frame is repeated."""
        places = torch.arange(-self.reach, self.reach + 1).repeat(len(numbers), 1)
        for place, number in zip(places, numbers, strict=True):
            rng = np.random.default_rng((0xC07, self.seed, number))
            if rng.random() < self.config.data.cut:
                left = int(rng.integers(self.reach + 1))
                place.copy_(place.clamp(min=-left) if rng.random() < 0.5 else place.clamp(max=left))
        rows = torch.arange(len(numbers))[:, None]
        return windows[rows.to(windows.device), (places + self.reach).to(windows.device)]

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """`animator`, `face_reader`, and `discriminator` where one learns, each as diffusers loads it."""
        save_networks(self.networks, folder, weights)

    @torch.no_grad()
    def validate(self, networks: GoHDFaceNetworks, folder: Path) -> dict[str, float]:
        """Held-out people: `faces.png` shows what is drawn of some, `scores.json` and the log have
        `navigation_figures`."""
        samples = self.samples("test")
        numbers = range(min(self.config.validated, len(samples.paths)))
        firsts, drawn, truths, rows = [], [], [], []
        for start in numbers[::AT_ONCE]:
            batch = PairBatch.collate([samples[number] for number in numbers[start:][:AT_ONCE]]).to(self.device)
            first, truth, windows = self.prepared(batch)
            source = self.source(batch)
            made = networks(first, truth.frames, windows, source)
            rest = networks.animator.space.rest.to(windows).expand_as(windows)
            alone = networks(first, truth.frames, rest, source).frames
            another = networks(first, truth.frames, windows.roll(-1, dims=0), source).frames
            visibility = (2 * made.drawing.visibility - 1).expand(-1, 3, -1, -1)
            seen = (first, truth.frames, made.frames, made.moved, visibility, alone, another)
            rows += list(zip(*seen, strict=True))
            firsts.append(first)
            drawn.append(made)
            truths.append(truth)
        scores = navigation_figures(torch.cat(firsts), drawn, truths, self.config.loss)
        navigation_sheet(rows[:SHOWN]).save(folder / "faces.png")
        (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        return scores


def _total(parts: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    return reduce(torch.add, parts.values()), parts
