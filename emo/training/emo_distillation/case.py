"""A batch of samples as a method of distillation sees it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from emo.generation.sampling import OnStep
from emo.training.emo_distillation.ddim import DDIM
from emo.training.emo_distillation.teacher import Trajectory

Predict = Callable[[Tensor, Tensor], Tensor]
"""Takes noisy latents (B, F, L, h, w) and their timestep, () or (B,)."""


@dataclass(frozen=True)
class Case:
    """B samples.

    Attributes:
        predict: the student's predictions, told the samples' weights of guidance.
        guided: the teacher's, guided by them, without gradients.
        follow: the teacher's whole way from the samples' noise.
        sample: goes the student's own way from the same noise, calls what it is given after each step, and returns
            the latents.
        noisy: takes timesteps (B,): the samples with their noise of those times, as the student meets it on its way.
        time: (B,) in [0, 1), random.
        steps: of the student, N.
        timesteps: of the teacher's M steps, then `END`; (M + 1,).
        ddim: of the student's schedule.
    """

    predict: Predict
    guided: Predict
    follow: Callable[[], Trajectory]
    sample: Callable[[OnStep], Tensor]
    noisy: Callable[[Tensor], Tensor]
    time: Tensor
    steps: int
    timesteps: Tensor
    ddim: DDIM

    def places(self, count: int) -> list[Tensor]:
        """N times (B,) random numbers below `count`, evenly spread."""
        return [((self.time + number / self.steps) % 1 * count).long() for number in range(self.steps)]


Method = Callable[[Case], list[Tensor]]
"""Returns squared errors, (B, F, L, h, w) each."""


def guidance_errors(case: Case) -> list[Tensor]:
    """Of the student's predictions on the teacher's way, in as many places as it has steps (Meng et al. 2022,
    https://arxiv.org/abs/2210.03142): what every method begins with."""
    trajectory = case.follow()
    rows = torch.arange(len(case.time), device=case.time.device)
    errors = []
    for place in case.places(len(trajectory.timesteps)):
        prediction = case.predict(trajectory.states[place, rows], trajectory.timesteps[place])
        errors.append((prediction - trajectory.predictions[place, rows]).square())
    return errors
