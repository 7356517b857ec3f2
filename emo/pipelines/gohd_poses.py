"""Sound becomes a head's poses, or the direction of eyes that wander (GoHD, 3.1): sequence after sequence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from emo.generation.guidance import guidance_rows, guided
from emo.generation.sampling import OnStep, Scheduler
from emo.motion.gohd import PoseDenoiser
from emo.motion.windows import bend_to
from emo.pipelines.gohd_options import BORDER, GAMMA
from emo.pipelines.imputed_sampling import sample_imputed, sequence_noise

FIRST = "first"  # the condition p0


@dataclass(frozen=True)
class PoseSampler:
    """Makes sequences of one motion: frames of before, which stay as they were, and new ones.

    Attributes:
        denoiser: of the poses, or of whatever moves.
        scheduler: of diffusers, for what the denoiser predicts.
        device: where the model works; under offloading its weights may lie elsewhere.
        guidance: gamma, the share of the prediction that knows of the first frame (eq. 3).
        num_steps: of the scheduler in each sequence.
        border_frames: over which new frames are bent to the end of those before, less and less; 0 is the paper's.
    """

    denoiser: PoseDenoiser
    scheduler: Scheduler
    device: torch.device
    guidance: float = GAMMA
    num_steps: int = 150
    border_frames: int = BORDER

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
        noise = sequence_noise(denoiser, len(audio), generator, self.device)
        fixed = torch.full_like(noise, torch.nan)
        fixed[0, : len(known)] = denoiser.moved(known, first).to(fixed)
        predict = self._predictor(audio, first)
        moved = sample_imputed(self.scheduler, predict, noise, fixed, self.num_steps, on_step=on_step)
        made = denoiser.placed(moved, first)[len(known) :]
        return bend_to(made[None], known[None], self.border_frames)[0] if self.border_frames and len(known) else made

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
