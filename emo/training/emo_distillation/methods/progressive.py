"""Progressive distillation (Salimans & Ho 2022, https://arxiv.org/abs/2202.00512): one step for two of the teacher's.

A run is one round, of M = 2 N steps; the folder that it leaves teaches the next one.
"""

import torch
from torch import Tensor

from emo.training.emo_distillation.case import Case


def progressive_errors(case: Case) -> list[Tensor]:
    """Of the student's predictions for samples at its own times, against the prediction whose one step leads where two
    steps of the teacher's by DDIM lead (algorithm 2). For velocities that is the weight SNR + 1 of the sample's error.
    Costs the teacher 2 N predictions."""
    errors, ddim = [], case.ddim
    for place in case.places(case.steps):
        start, middle, end = (case.timesteps.to(place.device)[2 * place + number] for number in (0, 1, 2))
        latents = case.noisy(start)
        with torch.no_grad():
            halfway = ddim.step(latents, case.guided(latents, start), start, middle)
            reached = ddim.step(halfway, case.guided(halfway, middle), middle, end)
            target = ddim.prediction(latents, ddim.origin_between(latents, reached, start, end), start)
        errors.append((case.predict(latents, start) - target).square())
    return errors
