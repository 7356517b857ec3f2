"""VASA-1's face model, trained on pairs of frames with exact flow between them (3.1). See docs/vasa-face.md."""

import json
from collections.abc import Sequence
from copy import deepcopy
from functools import reduce
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from emo.training.reference_decoder.pair_stage import PairStage
from emo.training.reference_decoder.samples import PairBatch
from emo.training.vasa_face.config import OTHERS, VASAFaceConfig
from emo.training.vasa_face.figures import swap_figures, swap_sheet
from emo.training.vasa_face.folder import load_face_networks, save_face_networks
from emo.training.vasa_face.framing import Framing
from emo.training.vasa_face.losses import SwapTruth, swap_losses
from emo.training.vasa_face.networks import DRAWN, TRUE, Swaps, VASAFaceNetworks
from emo.training.vasa_face.points_pose import pose_of_points
from emo.unets.warp import resize

TINT = 0.15  # deviation of what colors are multiplied with, for the encoder of identities
SHOWN = 4  # batches


class VASAFaceStage(PairStage[VASAFaceNetworks]):
    """See `emo.training.stage.Stage`. A sample is a person's reference with another frame; the next sample of the
    batch is somebody else."""

    config: VASAFaceConfig

    def __init__(self, config: VASAFaceConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        self.networks = load_face_networks(config.model, self.seed)
        self.kept = None  # what reads frames before they are framed anew
        if config.keep_codes:
            animator = self.networks.animator
            for encoder in (animator.pose_encoder, animator.dynamics_encoder):
                encoder.requires_grad_(config.framing > 0)
            self.kept = deepcopy(animator).requires_grad_(False).to(self.device) if config.framing else None

    def loss(self, networks: nn.Module, batch: PairBatch) -> tuple[Tensor, dict[str, Tensor]]:
        framing = Framing.draw(batch.index.tolist(), self.seed, self.config.framing) if self.config.framing else None
        parts = swap_losses(*self.drawn(networks, batch, framing, self.names(batch)), self.config.loss)
        return reduce(torch.add, parts.values()), parts

    def names(self, batch: PairBatch) -> tuple[str, ...]:
        """What is drawn of a batch."""
        if self.config.codes_alone:
            return ()
        swapped = np.random.default_rng((0x5A4B, self.seed, int(batch.index[0]))).random() < self.config.swapped
        return tuple(DRAWN) if swapped else TRUE

    def drawn(
        self,
        networks: nn.Module,
        batch: PairBatch,
        framing: Framing | None = None,
        names: Sequence[str] = tuple(DRAWN),
    ) -> tuple[Swaps, SwapTruth]:
        """What is drawn of a batch, and what it is compared with."""
        animator = self.networks.animator
        side, own = animator.config["sample_size"], batch.reference.shape[-1]
        first, second = (resize(value / 127.5 - 1, side, side) for value in (batch.reference, batch.frames[:, 0]))
        points = batch.points[:, 0] * (side / own)
        flow, visible = batch.flow[:, 0], batch.visible[:, 0]
        codes = None
        if framing is not None:
            if self.kept is not None:
                codes = torch.cat([framing.motion(self.kept.read(frames)) for frames in (first, second)])
            first, second = framing.pictures(first), framing.pictures(second)
            flow, visible = framing.flow(flow), framing.pictures(visible, "zeros")
            points = framing.points(points, side)
        tint = self.draw(batch.index.tolist()).to(first.device)
        swaps = networks(first, second, torch.cat([first, second]) * tint, codes, names)
        known = (flow, visible) if animator.config["pixel_skip"] else None
        return swaps, SwapTruth(first, second, points, pose_of_points(points, side), codes, known)

    def draw(self, numbers: list[int]) -> Tensor:
        """What the colors of B samples' first, then second frames are multiplied with, (2B, 3, 1, 1)."""
        draws = [np.random.default_rng((0xFACE, self.seed, number)).normal(1, TINT, (2, 3)) for number in numbers]
        return torch.from_numpy(np.stack(draws, 1)).float().flatten(0, 1)[..., None, None]

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """`animator` and `identity_encoder`, each as diffusers loads it."""
        save_face_networks(self.networks, folder, weights)

    def validate(self, networks: VASAFaceNetworks, folder: Path) -> dict[str, float]:
        """Held-out people: `faces.png` shows what is drawn of them, `scores.json` and the log have `swap_figures`."""
        samples = self.samples("test")
        count = min(self.config.validated, len(samples.paths))
        numbers = [range(start, min(start + OTHERS, count)) for start in range(0, count, OTHERS)]
        rows, shown = [], []
        for pair in numbers:
            batch = PairBatch.collate([samples[number] for number in pair]).to(self.device)
            drawn = self.drawn(networks, batch)
            rows += [swap_figures(*drawn, self.config.loss)] * len(pair)
            if len(shown) < SHOWN:
                shown.append(drawn)
        scores = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        swap_sheet(shown).save(folder / "faces.png")
        (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        return scores
