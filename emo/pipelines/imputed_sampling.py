"""A sequence sampled with values that are known, which are imputed at every step; shared by systems whose sequences go
on from the end of the one before."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from emo.generation.sampling import OnStep, Scheduler, sample
from emo.motion.impute import Imputation


def sequence_noise(denoiser: Any, frames: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
    """Noise (1, frames, D) of a sequence, the beginning of what the longest one is drawn from.

    Args:
        denoiser: whose `max_length` and `space` it is of.
        frames: of the sequence.
        generator: torch's own by default.
        device: where the noise is wanted.
    """
    drawn_on = torch.device("cpu") if generator is None else generator.device
    shape = (1, denoiser.config["max_length"], len(denoiser.space))
    return torch.randn(shape, generator=generator, device=drawn_on)[:, :frames].to(device)


def sample_imputed(
    scheduler: Scheduler,
    predict: Callable[[Tensor, Tensor], Tensor],
    noise: Tensor,
    fixed: Tensor,
    num_steps: int,
    *,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """A sequence (N, D), float32 on the CPU.

    Args:
        scheduler: of diffusers; it stays as it is.
        predict: what the model says of a noisy sequence at a timestep.
        noise: (1, N, D).
        fixed: values as they have to be, (1, N, D); NaN where they are free.
        num_steps: of the scheduler.
        eta, generator: as of `sample`.
        on_step: called after each step.
    """
    own = copy.deepcopy(scheduler)
    own.set_timesteps(num_steps, device=noise.device)
    imputation = Imputation(fixed.nan_to_num(), fixed.isfinite(), noise, own)

    def after(index: int, timestep: Tensor, latents: Tensor) -> Tensor:
        made = imputation(index, timestep, latents)
        changed = None if on_step is None else on_step(index, timestep, made)
        return made if changed is None else changed

    found = sample(scheduler, predict, imputation.begin, num_steps, eta=eta, generator=generator, on_step=after)
    return found[0].float().cpu()


def last_frames(values: Tensor, count: int) -> Tensor:
    """The last `count` frames (n, D) of values, or all where there are fewer."""
    return values[max(0, len(values) - count) :]
