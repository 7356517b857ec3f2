"""Consistency distillation (Song et al. 2023, https://arxiv.org/abs/2303.01469) of latents under guidance of which the
student is told (Luo et al. 2023, https://arxiv.org/abs/2310.04378).

The student's x₀ is its consistency function: times are the teacher's M, the frames themselves are the boundary, where
the function is the identity. The function that it is compared with is the student's own, without gradients, and no
average of its weights (Song & Dhariwal 2023, https://arxiv.org/abs/2310.14189).
"""

import torch
from torch import Tensor

from emo.training.emo_distillation.case import Case
from emo.training.emo_distillation.ddim import END


def consistency_errors(case: Case) -> list[Tensor]:
    """Of the student's x₀ of noisy samples, against its x₀ of what one step of the teacher's by DDIM makes of them.
    Costs the teacher N predictions."""
    errors, ddim = [], case.ddim
    for place in case.places(len(case.timesteps) - 1):
        start, following = (case.timesteps.to(place.device)[place + number] for number in (0, 1))
        latents = case.noisy(start)
        with torch.no_grad():
            reached = ddim.step(latents, case.guided(latents, start), start, following)
            inside = following.clamp(min=0)  # what is said of the frames themselves is not looked at
            function = ddim.origin(reached, case.predict(reached, inside), inside)
            at_end = (following == END).view(-1, *[1] * (latents.dim() - 1))
            target = torch.where(at_end, reached, function)
        errors.append((ddim.origin(latents, case.predict(latents, start), start) - target).square())
    return errors
