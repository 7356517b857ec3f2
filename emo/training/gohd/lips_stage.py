"""GoHD's stage 1: lips from speech, frame by frame, with the true eyes given (3.2). See docs/gohd.md."""

import json
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import ClipReader
from emo.hub.build_gohd import build_lip_mapper
from emo.motion import CONTROLS, MotionTrack
from emo.motion.gohd import EXPRESSION, EYES, LipMapper
from emo.training.clips import clip_audio
from emo.training.gohd.base import GoHDStage, clip_names, columns, on_cpu
from emo.training.gohd.config import GoHDLipConfig
from emo.training.gohd.figures import MadeMotion, expression_figures
from emo.training.gohd.lip_losses import LipLosses
from emo.training.gohd.losses import total
from emo.training.gohd.samples import PieceBatch, PieceSampler
from emo.training.gohd.targets import TARGETS
from emo.training.loading import save_parts
from emo.training.motion_units import keep_units

UNITS = ("space",)  # of the network's config: what its numbers mean


class GoHDLipNetworks(nn.Module):
    """The network, called with sound."""

    def __init__(self, lip_mapper: LipMapper):
        super().__init__()
        self.lip_mapper = lip_mapper

    def forward(self, audio: Tensor, expression: Tensor) -> Tensor:
        """Normalized expressions (B, T, E).

        Args:
            audio: (B, T, A).
            expression: true ones, (B, T, E), of which the first one and the eyes are told.
        """
        mapper = self.lip_mapper
        return mapper(mapper.embed(audio), expression[:, 0], expression[..., mapper.eyes])


class GoHDLipStage(GoHDStage[GoHDLipNetworks]):
    """See `emo.training.stage.Stage`."""

    config: GoHDLipConfig

    def __init__(self, config: GoHDLipConfig, accelerator: Accelerator):
        super().__init__(config, accelerator)
        values = torch.cat([columns(motion, *EXPRESSION) for motion in self.every_motion()])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            space = CONTROLS.only(*EXPRESSION).measured(values)
            eyes = EYES if config.model.eyes else ()
            self.networks = GoHDLipNetworks(build_lip_mapper(self.sizes, space, self.audio_dim, eyes))
        keep_units(accelerator, self.networks.lip_mapper, UNITS)
        self.losses = LipLosses(self.networks.lip_mapper, config.loss, self.lip_reader(config.model.reader))

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        frames = self.config.data.frames
        sampler = PieceSampler(frames, frames, TARGETS[self.config.data.targets]())
        return self.piece_loader(sampler, start_batch, num_processes, process_index)

    def loss(self, networks: nn.Module, batch: PieceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """L_stage1 (eqs. 18 and 19)."""
        mapper = self.networks.lip_mapper
        true = mapper.space.normalize(columns(batch.motion, *EXPRESSION))
        parts = self.losses(networks(batch.audio, true).float(), true, batch.frame_mask)
        return total(parts), parts

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """`lip_mapper`, as diffusers loads it."""
        save_parts(self.networks, ("lip_mapper",), folder, weights)

    def validate(self, networks: GoHDLipNetworks, folder: Path) -> dict[str, float]:
        """Expressions of held-out clips from their sounds and their eyes: `expression_figures`, logged and in
        `scores.json`."""
        reader = self.open_reader(self.config.data.held_out)
        count = min(self.config.validated, len(reader))
        found = expression_figures([self._map(networks, reader, number) for number in range(count)])
        (folder / "scores.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return found

    @torch.no_grad()
    def _map(self, networks: GoHDLipNetworks, reader: ClipReader, number: int) -> MadeMotion:
        """The expressions of a clip's sound."""
        true, space = self.true_track(reader, number), networks.lip_mapper.space
        expression = space.normalize(columns(true.values, *EXPRESSION))[None].to(self.device)
        values = true.values.clone()
        made = networks(clip_audio(reader, number)[None].to(self.device), expression)[0]
        values[:, CONTROLS.index(*EXPRESSION)] = space.denormalize(on_cpu(made))
        return MadeMotion(clip_names(reader, number), MotionTrack(values, true.fps, CONTROLS), true)
