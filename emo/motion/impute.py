"""What is known of a motion, kept while a diffusion model makes the rest (GAIA, control by landmarks)."""

from typing import Any

import torch
from torch import Tensor


def impute(
    sample: Tensor, known: Tensor, mask: Tensor, noise: Tensor, timestep: Tensor | int | None, scheduler: Any
) -> Tensor:
    """The sample with what is known, as noisy as the sample is at this step.

    Call it before every step of the model with the step's timestep, and at the end with None: what is known then comes
    out as it is.

    Args:
        sample: (B, T, D) at `timestep`.
        known: (B, T, D), clean; anything where `mask` is false.
        mask: bool, which broadcasts to (B, T, D): what is known.
        noise: (B, T, D), the same at every step.
        timestep: of `sample`, or None for a clean one.
        scheduler: of diffusers, with `add_noise`.
    """
    if timestep is not None:
        steps = torch.as_tensor(timestep, device=sample.device).expand(len(sample))
        known = scheduler.add_noise(known, noise, steps)
    return torch.where(mask, known.to(sample), sample)
