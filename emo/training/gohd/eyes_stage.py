"""GoHD's stage 2: what eyes and brows do over time, against three discriminators (3.2). See docs/gohd.md."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import ClipReader
from emo.errors import ConfigError
from emo.hub.build_gohd import build_eye_generator
from emo.motion import CONTROLS, MeshAnimator, MotionTrack
from emo.motion.discriminators import HeardDiscriminator, SequenceDiscriminator
from emo.motion.gohd import (
    EXPRESSION,
    EyeMotionGenerator,
    LipMapper,
    NavigationAnimator,
    PoseDenoiser,
    gohd_scheduler,
)
from emo.pipelines import GoHDPipeline
from emo.pipelines.gohd_motion import ExpressionSampler
from emo.training.clips import clip_audio
from emo.training.config import OptimizerConfig
from emo.training.gohd.base import GoHDStage, clip_names, columns, seeded
from emo.training.gohd.config import GoHDEyeConfig
from emo.training.gohd.figures import MadeMotion, expression_figures
from emo.training.gohd.lip_losses import LipLosses
from emo.training.gohd.losses import energy_score, ssim_loss, told_apart, told_true, total
from emo.training.gohd.samples import PieceBatch, PieceSampler
from emo.training.loading import copied_parts, load_part
from emo.training.motion_figures import correlation, named_means
from emo.training.stage import StageOptimizer, StageStep

GENERATOR, JUDGES = "eye_generator", "discriminators"
ANOTHER = 1 << 20  # added to a clip's seed for another z


@dataclass(frozen=True)
class Scores:
    """What discriminators say: of eyes with their sound, of eyes, and of whole expressions."""

    heard: Tensor
    motion: Tensor
    expression: Tensor


class GoHDEyeNetworks(nn.Module):
    """The generator upon a frozen stage 1, and what judges it."""

    def __init__(self, eye_generator: EyeMotionGenerator, lip_mapper: LipMapper):
        super().__init__()
        self.eye_generator, self.lip_mapper = eye_generator, lip_mapper
        eyes, dim = len(lip_mapper.eyes), lip_mapper.config["embedding_dim"]
        self.discriminators = nn.ModuleDict(
            {
                "heard": HeardDiscriminator(columns=eyes, embedding_dim=dim),
                "motion": SequenceDiscriminator(columns=eyes),
                "expression": SequenceDiscriminator(columns=len(lip_mapper.space)),
            }
        )

    def forward(
        self, embedding: Tensor, true: Tensor, noise: Tensor | None = None, does: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Scores]:
        """What eyes do, whole expressions, and what is said of both.

        Args:
            embedding: of the sound, (B, T, embedding_dim).
            true: normalized expressions, (B, T, E). With noise, what is made begins with the first of them; without,
                they are judged themselves.
            noise: z, (B, T, noise_dim).
            does: what eyes do that is judged with them, (B, T, F); their own by default.
        """
        mapper, expression = self.lip_mapper, true
        own = true[..., mapper.eyes]
        if noise is not None:
            does, _ = self.eye_generator(embedding, true[:, 0], own[:, 0], noise)
            expression = mapper(embedding, true[:, 0], does)
        shown = own if does is None else does
        return shown, expression, self.judged(shown, expression, embedding)

    def judged(self, does: Tensor, expression: Tensor, embedding: Tensor) -> Scores:
        """What discriminators say of sequences."""
        judges = self.discriminators
        return Scores(judges["heard"](does, embedding), judges["motion"](does), judges["expression"](expression))


class GoHDEyeStage(GoHDStage[GoHDEyeNetworks]):
    """See `emo.training.stage.Stage`. Generator and discriminators learn in turns."""

    config: GoHDEyeConfig

    def __init__(self, config: GoHDEyeConfig, accelerator: Accelerator):
        super().__init__(config, accelerator, config.data.frames)
        model, rate = config.model, self.reader.clips[0].rate
        mapper = self.trained(LipMapper, model.lips, "lip_mapper", "model.lips")
        if not mapper.eyes:
            raise ConfigError(f"model.lips: {model.lips} makes eyes of the sound alone; train it with model.eyes=true")
        self.poses = {
            name: self.trained(PoseDenoiser, model.poses, name, "model.poses")
            for name in ("denoiser", "gaze_denoiser")
        }
        if self.poses["denoiser"].fps != rate:
            fps = self.poses["denoiser"].fps
            raise ConfigError(f"model.poses: {model.poses} is of {fps} frames per second, the clips of {rate}")
        self.animator: NavigationAnimator | MeshAnimator = MeshAnimator(self.sizes.image_size)
        if model.animator is not None:
            self.animator = load_part(NavigationAnimator, model.animator, "GoHD's animator", subfolder="animator")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.networks = GoHDEyeNetworks(build_eye_generator(self.sizes, mapper), mapper)
        self.losses = LipLosses(mapper, config.stage1, self.lip_reader(model.reader))

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        frames = self.config.data.frames
        return self.piece_loader(PieceSampler(frames, frames), start_batch, num_processes, process_index)

    def optimizers(self, config: OptimizerConfig) -> dict[str, StageOptimizer]:
        own, judges = self.config.discriminator, list(self.networks.discriminators.parameters())
        made = {"params": list(self.networks.eye_generator.parameters()), "lr": config.learning_rate}
        return {
            GENERATOR: StageOptimizer([made], config),
            JUDGES: StageOptimizer([{"params": judges, "lr": own.learning_rate}], own),
        }

    def averages(self, name: str) -> bool:
        return name.startswith(f"{GENERATOR}.")

    def step(self, step: StageStep) -> None:
        made: list[tuple[Tensor, Tensor]] = []
        for batch in step.batches():
            does, expression, loss, parts = self._generate(step.networks, batch)
            made.append((does.detach(), expression.detach()))
            step.backward(loss, parts)
        step.update(GENERATOR)
        for batch, (does, expression) in zip(step.batches(), made, strict=True):
            embedding, true = self._heard(batch)
            _, _, of_true = step.networks(embedding, true)
            _, _, of_made = step.networks(embedding, expression, does=does)
            pairs = zip(vars(of_true).items(), vars(of_made).values(), strict=True)
            step.backward(total({name: told_apart(one, other) for (name, one), other in pairs}))
        step.update(JUDGES)

    def loss(self, networks: nn.Module, batch: PieceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's (eq. 25)."""
        _, _, loss, parts = self._generate(networks, batch)
        return loss, parts

    def _generate(self, networks: nn.Module, batch: PieceBatch) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """What eyes do, expressions, the loss and its parts."""
        weights, count = self.config.loss, len(batch.index)
        draws = 2 if weights.spread else 1
        embedding, true = (each.repeat(draws, 1, 1) for each in self._heard(batch))
        noise = [self.noise(batch.index.tolist(), true.shape[1], draw) for draw in range(draws)]
        does, expression, scores = networks(embedding, true, torch.cat(noise).to(true))
        own = true[..., self.networks.lip_mapper.eyes]
        stage1 = self.losses(expression.float(), true, batch.frame_mask.repeat(draws, 1))
        parts = {
            "ssim": weights.ssim * ssim_loss(does.float(), own),
            "eyes": weights.eyes
            * energy_score(does.float().unflatten(0, (draws, count)), own[:count], weights.spread),
            "heard": weights.heard * told_true(scores.heard),
            "motion": weights.motion * told_true(scores.motion),
            "expression": weights.expression * told_true(scores.expression),
            "lips": weights.lips * total(stage1),
        }
        return does[:count], expression[:count], total(parts), parts

    def _heard(self, batch: PieceBatch) -> tuple[Tensor, Tensor]:
        """Phi_a of the sounds, and normalized expressions."""
        mapper = self.networks.lip_mapper
        with torch.no_grad():
            return mapper.embed(batch.audio), mapper.space.normalize(columns(batch.motion, *EXPRESSION))

    def noise(self, numbers: list[int], frames: int, draw: int = 0) -> Tensor:
        """z of B samples, (B, T, noise_dim), one of any number of draws."""
        drawn = []
        for number in numbers:
            seed = int(np.random.SeedSequence((0x60AD, self.seed, number, draw)).generate_state(1)[0])
            drawn.append(torch.randn(frames, self.sizes.eye_generator.noise_dim, generator=seeded(seed)))
        return torch.stack(drawn)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """Write a pipeline folder that `GoHDPipeline.from_pretrained` loads."""
        scheduler = gohd_scheduler(self.poses["denoiser"].config["prediction_type"])
        parts: dict[str, Any] = {**self.poses, **self.hearing, "scheduler": scheduler}
        parts |= {"lip_mapper": self.networks.lip_mapper, "animator": self.animator}
        GoHDPipeline(**parts, **copied_parts(self.networks, (GENERATOR,), weights)).save_pretrained(folder)

    def validate(self, networks: GoHDEyeNetworks, folder: Path) -> dict[str, float]:
        """Expressions of held-out clips from their sounds alone, in a file for each; and their `expression_figures`,
        logged and in `scores.json`, where `lids r, another z` is the correlation of lids drawn twice."""
        reader = self.open_reader(self.config.data.held_out)
        drawn = [self._express(networks, reader, n) for n in range(min(self.config.validated, len(reader)))]
        for motion, _ in drawn:
            motion.made.save(folder / f"{motion.name}.safetensors")
        alike = [correlation(motion.made, another, "lids") for motion, another in drawn]
        found = expression_figures([motion for motion, _ in drawn]) | named_means({"lids r, another z": alike})
        (folder / "scores.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return found

    def _express(self, networks: GoHDEyeNetworks, reader: ClipReader, number: int) -> tuple[MadeMotion, MotionTrack]:
        """The expressions of a clip's sound, beginning at rest as a portrait's do, and as another z makes them."""
        true, audio, sampler = self.true_track(reader, number), clip_audio(reader, number), self._sampler(networks)
        tracks = []
        for seed in (self.seed + number, self.seed + number + ANOTHER):
            values = true.values.clone()
            values[:, CONTROLS.index(*EXPRESSION)], _ = sampler.expressions(audio, generator=seeded(seed))
            tracks.append(MotionTrack(values, true.fps, CONTROLS))
        return MadeMotion(clip_names(reader, number), tracks[0], true), tracks[1]

    def _sampler(self, networks: GoHDEyeNetworks) -> ExpressionSampler:
        return ExpressionSampler(networks.lip_mapper, networks.eye_generator, self.device)
