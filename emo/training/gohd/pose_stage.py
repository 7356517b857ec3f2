"""GoHD's poses, and directions of eyes that wander, learned from sounds (3.1). See docs/gohd.md."""

import json
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import ClipReader
from emo.hub.build_gohd import build_denoiser
from emo.hub.gohd_config import PoseDenoiserConfig
from emo.motion import CONTROLS, MotionTrack, plan_windows
from emo.motion.gohd import GAZE, POSE, PoseDenoiser, gohd_scheduler
from emo.pipelines.gohd_poses import PoseSampler
from emo.training.clips import clip_audio
from emo.training.emo.draws import draw
from emo.training.gohd.base import GoHDStage, clip_names, columns, seeded
from emo.training.gohd.config import GoHDPoseConfig
from emo.training.gohd.figures import MadeMotion, pose_figures
from emo.training.gohd.losses import total
from emo.training.gohd.samples import PieceBatch, PieceSampler
from emo.training.loading import save_parts
from emo.training.motion_loss import masked_mean
from emo.training.motion_units import keep_units
from emo.training.objective import Objective, ObjectiveConfig

UNITS = ("space", "reach")  # of a network's config: what its numbers mean
MIN_REACH = 1e-3
PARTS = {"denoiser": POSE, "gaze_denoiser": GAZE}
"""What learns, and what it makes, by the names of a model's components."""


class GoHDPoseNetworks(nn.Module):
    """Both networks, which know nothing of each other."""

    def __init__(self, denoiser: PoseDenoiser, gaze_denoiser: PoseDenoiser):
        super().__init__()
        self.denoiser, self.gaze_denoiser = denoiser, gaze_denoiser

    def forward(
        self,
        samples: list[Tensor],
        timestep: Tensor,
        audio: Tensor,
        first: list[Tensor],
        has_first: Tensor,
        mask: Tensor,
    ) -> list[Tensor]:
        """The noise in each network's samples; see `PoseDenoiser`."""
        networks = (self.denoiser, self.gaze_denoiser)
        return [
            network(sample, timestep, audio, begun, has_first, mask)
            for network, sample, begun in zip(networks, samples, first, strict=True)
        ]


class GoHDPoseStage(GoHDStage[GoHDPoseNetworks]):
    """See `emo.training.stage.Stage`."""

    config: GoHDPoseConfig

    def __init__(self, config: GoHDPoseConfig, accelerator: Accelerator):
        super().__init__(config, accelerator)
        motions = self.every_motion()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.networks = GoHDPoseNetworks(
                *(self._new(getattr(self.sizes, name), part, motions) for name, part in PARTS.items())
            )
        for name in PARTS:
            keep_units(accelerator, getattr(self.networks, name), UNITS, f"{name}_units.json")
        self.scheduler = gohd_scheduler(self.sizes.denoiser.prediction_type)
        self.objective = Objective(self.scheduler, ObjectiveConfig())

    def _new(self, config: PoseDenoiserConfig, part: tuple[str, ...], motions: list[Tensor]) -> PoseDenoiser:
        """A network of random weights, whose units are those of the clips."""
        values = [columns(motion, *part) for motion in motions]
        moved = torch.cat([each - each[0] for each in values])
        reach = moved.square().mean(0).sqrt().clamp(min=MIN_REACH).tolist()
        space = CONTROLS.only(*part).measured(torch.cat(values))
        return build_denoiser(config, space, reach, self.audio_dim, str(self.reader.clips[0].rate))

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        sampler = PieceSampler(self.config.data.min_frames, self.sizes.denoiser.max_length)
        return self.piece_loader(sampler, start_batch, num_processes, process_index)

    def loss(self, networks: nn.Module, batch: PieceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The squared error of the noise at a random step (eq. 2), or of what is below it; of poses and directions."""
        own = [cast(PoseDenoiser, getattr(self.networks, name)) for name in PARTS]
        values = [columns(batch.motion, *part) for part in PARTS.values()]
        moved = [network.moved(each, each[:, 0]) for network, each in zip(own, values, strict=True)]
        first = [network.space.normalize(each[:, 0]) for network, each in zip(own, values, strict=True)]
        widths = [each.shape[-1] for each in moved]
        shape = (batch.motion.shape[1], sum(widths))
        draws = draw(batch.index.tolist(), self.seed, shape, 0, vars(self.config.drop)).to(batch.motion.device)
        timestep, noise = self.objective.timestep(draws.time), draws.noise.split(widths, dim=-1)
        noisy = [self.objective.noisy(each, drawn, timestep) for each, drawn in zip(moved, noise, strict=True)]
        found = networks(noisy, timestep, batch.audio, first, draws.keep["first"].bool(), batch.frame_mask)
        errors = {
            f"{part[0]}_error": masked_mean(self.objective.squared_error(made, *truth, timestep), batch.frame_mask)
            for part, made, truth in zip(PARTS.values(), found, zip(moved, noise, strict=True), strict=True)
        }
        return total(errors), errors

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """`denoiser` and `gaze_denoiser`, each as diffusers loads it."""
        save_parts(self.networks, tuple(PARTS), folder, weights)

    def validate(self, networks: GoHDPoseNetworks, folder: Path) -> dict[str, float]:
        """Poses of held-out clips from their sounds, in a file for each; and their `pose_figures`, logged and in
        `scores.json`."""
        reader = self.open_reader(self.config.data.held_out)
        count = min(self.config.validation.clips, len(reader))
        motions = [self._generate(networks, reader, number) for number in range(count)]
        for motion in motions:
            motion.made.save(folder / f"{motion.name}.safetensors")
        found = pose_figures(motions, networks.denoiser.window_length)
        (folder / "scores.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return found

    def _generate(self, networks: GoHDPoseNetworks, reader: ClipReader, number: int) -> MadeMotion:
        """The poses of a clip's sound, beginning at rest as a portrait's do."""
        config, generator = self.config.validation, seeded(self.config.validation.seed + number)
        true, audio = self.true_track(reader, number), clip_audio(reader, number)
        made = CONTROLS.rest.repeat(len(audio), 1)
        scheduler: Any = self.scheduler
        for name, part in PARTS.items():
            network = getattr(networks, name)
            sampler = PoseSampler(network, scheduler, self.device, config.pose_guidance, config.num_inference_steps)
            values = torch.zeros(0, len(network.space))
            for window in plan_windows(len(audio), network.window_length, network.config["overlap"]):
                known = values[len(values) - window.prefix :]
                heard = audio[window.start - window.prefix : window.start + window.frames]
                values = torch.cat([values, sampler.sequence(heard, known, generator)])
            made[:, CONTROLS.index(*part)] = values
        return MadeMotion(clip_names(reader, number), MotionTrack(made, true.fps, CONTROLS), true)
