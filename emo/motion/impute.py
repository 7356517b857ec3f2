"""What is known of a motion, kept while a diffusion model makes the rest (GAIA, control by landmarks; and of long
motions what was made before)."""

from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Imputation:
    """What is known of a sample throughout a loop over a scheduler's steps: `begin` is where they start from, and this
    is called after each (it is an `on_step` of `emo.generation.sampling.sample`).

    Attributes:
        known: (B, T, D), clean.
        mask: bool, which broadcasts to (B, T, D): what is known.
        noise: (B, T, D), from which the sample is made.
        scheduler: of diffusers, set to the loop's timesteps.
    """

    known: Tensor = field(repr=False)
    mask: Tensor = field(repr=False)
    noise: Tensor = field(repr=False)
    scheduler: Any = field(repr=False)

    @property
    def begin(self) -> Tensor:
        """The noise, with what is known at the first timestep."""
        return self._at(0, self.noise)

    def __call__(self, index: int, timestep: Tensor, sample: Tensor) -> Tensor:
        """The sample after step `index`, with what is known at the next timestep, or clean after the last."""
        return self._at(index + 1, sample)

    def _at(self, index: int, sample: Tensor) -> Tensor:
        timesteps = self.scheduler.timesteps
        timestep = timesteps[index] if index < len(timesteps) else None
        return impute(sample, self.known, self.mask, self.noise, timestep, self.scheduler)
