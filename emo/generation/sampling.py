"""Noise becomes latents: the sampling loop of generation and validation, for any scheduler of diffusers."""

import copy
import inspect
import itertools
from collections.abc import Callable
from typing import Any, Protocol

import torch

from emo.errors import OptionError

OnStep = Callable[[int, torch.Tensor, torch.Tensor], torch.Tensor | None]
"""Takes a step's number, timestep and latents; may return others to go on with."""


class Scheduler(Protocol):
    """A scheduler of diffusers, whose own base class declares none of this.

    Attributes:
        config: its settings.
        timesteps: (steps,), once they are set.
        init_noise_sigma: standard deviation of what the first step starts from.
        step: (prediction, timestep, latents) -> a tuple that begins with the latents after the step.
        add_noise: (latents, noise, timesteps) -> noisy latents.
    """

    config: Any
    timesteps: torch.Tensor
    init_noise_sigma: float
    step: Callable[..., Any]
    add_noise: Callable[..., torch.Tensor]

    def set_timesteps(self, num_inference_steps: int, *, device: torch.device) -> None:
        """Begin anew with so many steps."""
        ...

    def scale_model_input(self, sample: torch.Tensor, timestep: Any) -> torch.Tensor:
        """Noisy latents as the network takes them."""
        ...


def sample(
    scheduler: Scheduler,
    predict: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    noise: torch.Tensor,
    num_steps: int,
    *,
    prior: torch.Tensor | None = None,
    strength: float = 1.0,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
    on_step: OnStep | None = None,
) -> torch.Tensor:
    """Denoise by a scheduler's steps.

    Args:
        scheduler: stays as it is; the loop works on a copy, as others may be at work with it.
        predict: what the network says, as `prediction_type` asks, of noisy latents at a timestep ().
        noise: normal, float32, of the latents' shape.
        num_steps: as `set_timesteps` takes it.
        prior: latents that the first step starts from, with so much noise as belongs there, if `strength` is below 1.
        strength: share s of the noise schedule that is used: the first step is the one at time s, and so many of the
            steps lie evenly from there on.
        eta, generator: of schedulers whose steps take them.
        on_step: called after each step.

    Returns:
        The latents.
    """
    scheduler = _scheduled(scheduler, num_steps, strength, noise.device)
    timesteps = scheduler.timesteps
    accepted = step_arguments(scheduler)
    extra = {name: value for name, value in {"eta": eta, "generator": generator}.items() if name in accepted}
    if strength == 1:
        latents = noise * scheduler.init_noise_sigma
    else:
        assert prior is not None
        latents = scheduler.add_noise(prior.to(noise).expand_as(noise), noise, timesteps[:1])
    for index, timestep in enumerate(timesteps):
        prediction = predict(scheduler.scale_model_input(latents, timestep), timestep)
        latents = scheduler.step(prediction, timestep, latents, **extra, return_dict=False)[0]
        changed = None if on_step is None else on_step(index, timestep, latents)
        latents = latents if changed is None else changed
    return latents


def count_steps(scheduler: Scheduler, num_steps: int, strength: float = 1.0) -> int:
    """How many steps `sample` takes, which for some schedulers are more than they are asked for."""
    return len(taken_timesteps(scheduler, num_steps, strength))


def taken_timesteps(scheduler: Scheduler, num_steps: int, strength: float = 1.0) -> list[int]:
    """The timesteps of the steps that `sample` takes."""
    return _scheduled(scheduler, num_steps, strength, torch.device("cpu")).timesteps.tolist()


def ask_steps(num_steps: int, strength: float = 1.0) -> int:
    """How many steps `sample` must be asked for, of a scheduler that takes no more than it is asked for, to take
    `num_steps`: the least number of which the strength's share rounds to that."""
    return next(asked for asked in itertools.count(num_steps) if round(asked * strength) >= num_steps)


def check_eta(eta: float, scheduler: Scheduler) -> None:
    """Refuse randomness that a scheduler's steps do not have.

    Raises:
        OptionError: it is asked for.
    """
    if eta and "eta" not in step_arguments(scheduler):
        problem = f"eta is {eta}, but the model's scheduler has none; leave it out, or choose DDIM"
        raise OptionError(problem, option="eta")


def step_arguments(scheduler: Scheduler) -> frozenset[str]:
    """Names of what a scheduler's step takes; not all have η (`eta`), or draw noise (`generator`)."""
    return frozenset(inspect.signature(scheduler.step).parameters)


def _scheduled(scheduler: Scheduler, num_steps: int, strength: float, device: torch.device) -> Scheduler:
    """A copy that is set to the timesteps that are taken: one at least."""
    if strength == 1:
        own = copy.deepcopy(scheduler)
    else:
        own, num_steps = _shortened(scheduler, strength), max(1, round(num_steps * strength))
    own.set_timesteps(num_steps, device=device)
    return own


def _shortened(scheduler: Any, strength: float) -> Any:
    """A scheduler whose noise ends where a share of another's does, with as little noise before."""
    config = {name: value for name, value in scheduler.config.items() if not name.startswith("_")}
    count = max(1, round(strength * config["num_train_timesteps"]))
    config |= {"num_train_timesteps": count, "trained_betas": scheduler.betas[:count].cpu().numpy()}
    if "rescale_betas_zero_snr" in config:
        config["rescale_betas_zero_snr"] = False  # these are rescaled already
    return type(scheduler).from_config(config)
