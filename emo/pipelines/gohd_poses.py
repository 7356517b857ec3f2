"""Sound becomes a head's poses, or the direction of eyes that wander (GoHD, 3.1): sequence after sequence."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from emo.generation.guidance import guidance_rows, guided
from emo.generation.sampling import OnStep, Scheduler, sample
from emo.motion.gohd import PoseDenoiser
from emo.motion.impute import Imputation

FIRST = "first"  # the condition p0
GAMMA = 0.4  # of the paper


@dataclass(frozen=True)
class PoseSampler:
    """Makes sequences of one motion: frames of before, which stay as they were, and new ones.

    Attributes:
        denoiser: of the poses, or of whatever moves.
        scheduler: of diffusers, for a model that predicts noise.
        device: where the model works; under offloading its weights may lie elsewhere.
        guidance: gamma, the share of the prediction that knows of the first frame (eq. 3).
        num_steps: of the scheduler in each sequence.
    """

    denoiser: PoseDenoiser
    scheduler: Scheduler
    device: torch.device
    guidance: float = GAMMA
    num_steps: int = 150

    @torch.no_grad()
    def sequence(
        self,
        audio: Tensor,
        known: Tensor,
        generator: torch.Generator | None = None,
        on_step: OnStep | None = None,
    ) -> Tensor:
        """New frames after known ones.

        Args:
            audio: features of known and new frames, (k + n, A), at most a sequence's.
            known: values of the frames before, (k, D); none before the first sequence, which begins at rest.
            generator: of the noise; torch's own by default.
            on_step: called after each step.

        Returns:
            Values of the new frames, (n, D).
        """
        denoiser = self.denoiser
        first = known[0] if len(known) else denoiser.space.rest
        drawn_on = torch.device("cpu") if generator is None else generator.device
        shape = (1, denoiser.config["max_length"], len(denoiser.space))
        noise = torch.randn(shape, generator=generator, device=drawn_on)[:, : len(audio)].to(self.device)
        scheduler = copy.deepcopy(self.scheduler)
        scheduler.set_timesteps(self.num_steps, device=self.device)
        fixed, mask = torch.zeros_like(noise), torch.zeros_like(noise, dtype=torch.bool)
        fixed[0, : len(known)] = denoiser.moved(known, first).to(fixed)
        mask[:, : len(known)] = True
        imputation = Imputation(fixed, mask, noise, scheduler)

        def after(index: int, timestep: Tensor, latents: Tensor) -> Tensor:
            made = imputation(index, timestep, latents)
            changed = None if on_step is None else on_step(index, timestep, made)
            return made if changed is None else changed

        predict = self._predictor(audio, first)
        moved = sample(self.scheduler, predict, imputation.begin, self.num_steps, on_step=after)
        return denoiser.placed(moved[0].float().cpu(), first)[len(known) :]

    def _predictor(self, audio: Tensor, first: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """The noise in a sequence at a timestep, with and without p0, weighted (eq. 3)."""
        denoiser, rows = self.denoiser, guidance_rows({FIRST: self.guidance})
        weights = torch.tensor(list(rows.values()), device=self.device)
        has_first = torch.tensor([dropped != FIRST for dropped in rows], device=self.device)

        def repeated(values: Tensor) -> Tensor:
            return values.to(self.device, denoiser.dtype).expand(len(rows), *values.shape)

        heard, begun = repeated(audio), repeated(denoiser.space.normalize(first))

        def predict(noisy: Tensor, timestep: Tensor) -> Tensor:
            steps = timestep.to(noisy.device).expand(len(rows))
            sequence = noisy.to(denoiser.dtype).expand(len(rows), -1, -1)
            return guided(cast(Tensor, denoiser(sequence, steps, heard, begun, has_first)), weights)

        return predict


def last_frames(values: Tensor, count: int) -> Tensor:
    """The last `count` frames (n, D) of values, or all where there are fewer."""
    return values[max(0, len(values) - count) :]
