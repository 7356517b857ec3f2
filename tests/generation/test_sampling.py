"""The sampling loop by itself, with a network that is a known function."""

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
)

from emo.generation.sampling import count_steps, sample, step_arguments


def predict(latents, timestep):
    return latents * 0.5


@pytest.fixture
def noise():
    return torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))


def test_equals_ddim_written_out(noise):
    """x0 = (x - sqrt(1 - a) e) / sqrt(a), then as much of e as the step before wants."""
    scheduler = DDIMScheduler(num_train_timesteps=100, clip_sample=False, set_alpha_to_one=False)
    latents, alphas = noise, scheduler.alphas_cumprod
    for step, before in ((75, 50), (50, 25), (25, 0), (0, None)):
        found, alpha = predict(latents, step), alphas[step]
        previous = alphas[0] if before is None else alphas[before]
        picture = (latents - (1 - alpha).sqrt() * found) / alpha.sqrt()
        latents = previous.sqrt() * picture + (1 - previous).sqrt() * found
    torch.testing.assert_close(sample(scheduler, predict, noise, 4), latents)


def test_the_scheduler_stays_as_it_was(noise):
    scheduler = DDIMScheduler(num_train_timesteps=100)
    before = scheduler.timesteps.clone()
    sample(scheduler, predict, noise, 4)
    assert torch.equal(scheduler.timesteps, before)


def test_every_step_is_told_and_may_change_the_latents(noise):
    seen = []

    def on_step(index, timestep, latents):
        seen.append((index, int(timestep)))
        return latents * 0 if index == 3 else None

    scheduler = DDIMScheduler(num_train_timesteps=100)
    assert not sample(scheduler, predict, noise, 4, on_step=on_step).any()
    assert seen == [(0, 75), (1, 50), (2, 25), (3, 0)]


def test_eta_and_generator_go_to_schedulers_that_take_them(noise):
    def run(scheduler, seed, eta):
        return sample(scheduler, predict, noise, 4, eta=eta, generator=torch.Generator().manual_seed(seed))

    ddim, ancestral = DDIMScheduler(), EulerAncestralDiscreteScheduler()
    assert torch.equal(run(ddim, 0, 1.0), run(ddim, 0, 1.0))
    assert not torch.equal(run(ddim, 0, 1.0), run(ddim, 1, 1.0))
    assert torch.equal(run(ddim, 0, 0.0), run(ddim, 1, 0.0))
    assert not torch.equal(run(ancestral, 0, 0.0), run(ancestral, 1, 0.0))
    assert "eta" in step_arguments(ddim)
    assert "eta" not in step_arguments(ancestral)


def test_some_schedulers_take_more_steps_than_they_are_asked_for(noise):
    steps = []
    sample(HeunDiscreteScheduler(), predict, noise, 4, on_step=lambda index, *_: steps.append(index))
    assert count_steps(HeunDiscreteScheduler(), 4) == len(steps) == 7
    assert count_steps(DDIMScheduler(), 4) == 4


SAMPLERS = [DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler]


@pytest.mark.parametrize("kind", SAMPLERS)
def test_the_whole_strength_ignores_the_prior(kind, noise):
    made = sample(kind(), predict, noise, 4, prior=torch.full_like(noise, 9.0), strength=1.0)
    assert torch.equal(made, sample(kind(), predict, noise, 4))


TRAILING = {"timestep_spacing": "trailing", "beta_schedule": "squaredcos_cap_v2", "rescale_betas_zero_snr": True}


@pytest.mark.parametrize("kind", SAMPLERS)
@pytest.mark.parametrize(("strength", "taken"), [(0.75, 6), (0.5, 4), (0.3, 2), (0.01, 1)])
def test_less_strength_begins_at_that_time_from_the_prior_with_its_noise(kind, noise, strength, taken):
    scheduler, seen, steps = kind(**TRAILING), [], []
    first = round(1000 * strength) - 1
    alpha = scheduler.alphas_cumprod[first]
    prior = torch.full((1, 1, 4, 4), 0.7)  # for both frames

    def told(latents, timestep):
        seen.append(latents)
        return noise  # of which nothing is left in the end

    def on_step(index, timestep, latents):
        steps.append(timestep)

    made = sample(scheduler, told, noise, 8, prior=prior, strength=strength, on_step=on_step)
    assert int(steps[0]) == first
    assert torch.stack(steps).float().diff().tolist() == pytest.approx([-(first + 1) / taken] * (taken - 1), abs=1)
    assert count_steps(scheduler, 8, strength) == taken
    torch.testing.assert_close(seen[0], alpha.sqrt() * prior + (1 - alpha).sqrt() * noise)
    torch.testing.assert_close(made, prior.expand_as(noise), atol=0.03, rtol=0)


@pytest.mark.parametrize("kind", [*SAMPLERS, HeunDiscreteScheduler])
def test_steps_that_a_strength_divides_are_the_last_of_all(kind, noise):
    scheduler = kind(**{name: value for name, value in TRAILING.items() if "zero" not in name})
    steps = []
    sample(scheduler, predict, noise, 10, prior=noise, strength=0.7, on_step=lambda _, time, __: steps.append(time))
    scheduler.set_timesteps(10)
    assert torch.equal(torch.stack(steps), scheduler.timesteps[-len(steps) :])
    assert len({int(time) for time in steps}) == 7
