"""The objective against its equations written out, and against the scheduler that samples."""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

from emo.errors import ConfigError
from emo.hub import load_model_config
from emo.hub.build import build_scheduler
from emo.training.emo.config import EMOObjectiveConfig as ObjectiveConfig
from emo.training.emo.objective import EMOObjective, Features
from emo.training.objective import configure_scheduler

KINDS = {
    "epsilon": ObjectiveConfig(prediction_type="epsilon", zero_terminal_snr=False),
    "v": ObjectiveConfig(prediction_type="v_prediction", zero_terminal_snr=False),
    "v, zero SNR": ObjectiveConfig(
        prediction_type="v_prediction", zero_terminal_snr=True, timestep_spacing="trailing"
    ),
    "sample": ObjectiveConfig(prediction_type="sample", zero_terminal_snr=False),
    "sample, zero SNR": ObjectiveConfig(prediction_type="sample", zero_terminal_snr=True, timestep_spacing="trailing"),
}
SHAPE = (3, 2, 4, 6, 8)
TIMESTEPS = torch.tensor([0, 481, 998])


def objective(kind: str, **options):
    config = KINDS[kind]
    scheduler = configure_scheduler(build_scheduler(load_model_config("emo-sd15")), config)
    return EMOObjective(scheduler, ObjectiveConfig(**{**vars(config), **options})), scheduler


def randn(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_noise_and_target_against_the_equations(kind):
    learned, scheduler = objective(kind)
    latents, noise = randn(0), randn(1)
    noisy, target = learned.noisy(latents, noise, TIMESTEPS), learned.target(latents, noise, TIMESTEPS)
    for i, t in enumerate(TIMESTEPS.tolist()):
        alpha = scheduler.alphas_cumprod[t]
        torch.testing.assert_close(noisy[i], alpha**0.5 * latents[i] + (1 - alpha) ** 0.5 * noise[i])
        velocity = alpha**0.5 * noise[i] - (1 - alpha) ** 0.5 * latents[i]
        expected = {"epsilon": noise[i], "v_prediction": velocity, "sample": latents[i]}
        torch.testing.assert_close(target[i], expected[scheduler.config.prediction_type])
    torch.testing.assert_close(noisy, scheduler.add_noise(latents, noise, TIMESTEPS))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("t", [1, 500, 990, 999])
def test_a_perfect_prediction_recovers_the_picture_in_one_step(kind, t):
    learned, scheduler = objective(kind)
    latents, noise, timestep = randn(0).double(), randn(1).double(), torch.full((3,), t)
    learned.alphas_cumprod = scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    scheduler.set_timesteps(1000)
    noisy = learned.noisy(latents, noise, timestep)
    step = scheduler.step(learned.target(latents, noise, timestep), t, noisy)
    torch.testing.assert_close(step.pred_original_sample, latents, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["epsilon", "v", "sample"])
def test_min_snr_weighs_the_samples_error_alike_whatever_is_predicted(kind):
    """By how far off x_0 is, a prediction's weighted error is the same: min(SNR, 5) of the sample's."""
    learned, scheduler = objective(kind, min_snr_gamma=5.0)
    latents, noise, timestep = randn(0).double(), randn(1).double(), torch.tensor([100, 481, 900])
    learned.alphas_cumprod = scheduler.alphas_cumprod.double()
    noisy, found = learned.noisy(latents, noise, timestep), randn(2).double()
    alpha = learned.alphas_cumprod[timestep].view(3, 1, 1, 1, 1)
    signal, sigma = alpha.sqrt(), (1 - alpha).sqrt()
    implied = (noisy - signal * found) / sigma
    prediction = {"epsilon": implied, "v": signal * implied - sigma * found, "sample": found}[kind]
    error = (prediction - learned.target(latents, noise, timestep)).square()
    weighted = error * learned.snr_weight(timestep).view(3, 1, 1, 1, 1)
    expected = (found - latents).square() * (alpha / (1 - alpha)).clamp(max=5)
    torch.testing.assert_close(weighted, expected)


def test_samples_may_have_any_shape():
    learned, scheduler = objective("sample", min_snr_gamma=5.0)
    codes, noise, own = torch.randn(3, 7, 5), torch.randn(3, 7, 5), torch.randint(0, 999, (3, 7))
    noisy = learned.noisy(codes, noise, own)
    for b, f in ((0, 0), (2, 6)):
        torch.testing.assert_close(noisy[b, f], scheduler.add_noise(codes[b, f], noise[b, f], own[b, f]))
    error = learned.squared_error(torch.zeros_like(codes), codes, noise, own)
    expected = (codes.square() * learned.snr_weight(own)[..., None]).mean()
    torch.testing.assert_close(learned.weighted_mean(error, own), expected)


def test_at_zero_terminal_snr_the_last_step_is_pure_noise():
    learned, _ = objective("v, zero SNR")
    last = torch.tensor([999] * 3)
    torch.testing.assert_close(learned.noisy(randn(0), randn(1), last), randn(1))
    torch.testing.assert_close(learned.target(randn(0), randn(1), last), -randn(0))


def test_times_cover_all_timesteps_alike():
    learned, _ = objective("epsilon")
    times = (torch.arange(4000) + 0.5) / 4000
    assert torch.equal(learned.timestep(times).bincount(), torch.full((1000,), 4))


@pytest.mark.parametrize("kind", KINDS)
def test_min_snr_weights(kind):
    learned, scheduler = objective(kind, min_snr_gamma=5.0)
    for t, weight in zip(TIMESTEPS.tolist(), learned.snr_weight(TIMESTEPS).tolist(), strict=True):
        alpha = scheduler.alphas_cumprod[t].item()
        snr = alpha / (1 - alpha)
        divisor = {"epsilon": snr, "v_prediction": snr + 1, "sample": 1.0}[scheduler.config.prediction_type]
        assert weight == pytest.approx(min(snr, 5) / divisor, rel=1e-4)
    assert objective(kind)[0].snr_weight(TIMESTEPS).tolist() == [1, 1, 1]


def features(mouth: torch.Tensor, eyes: torch.Tensor | None = None, height: int = 48) -> Features:
    return Features(mouth, torch.ones(*mouth.shape[:2], 2, 3) if eyes is None else eyes, height)


def test_weights_of_mouth_and_eyes():
    learned, _ = objective("v", mouth_weight=10.0, mouth_sigma=0.5, eyes_weight=4.0, eyes_sigma=0.4)
    mouth, eyes = torch.tensor([[[36.0, 20.0, 24.0]]]), torch.tensor([[[[12.0, 4.0, 40.0], [52.0, 4.0, 40.0]]]])
    weight = learned.weight(features(mouth, eyes), 6, 8)[0, 0, 0]
    assert weight.shape == (6, 8)
    for x, y in [(4, 2), (5, 2), (4, 4), (0, 0), (1, 0), (6, 0)]:
        expected = 1.0
        for middle_x, middle_y, sigma, share in [(4, 2, 1.5, 10), (1, 0, 2, 4), (6, 0, 2, 4)]:
            squared = (x - middle_x) ** 2 + (y - middle_y) ** 2
            expected += share * np.exp(-squared / (2 * sigma**2))
        assert weight[y, x] == pytest.approx(expected, rel=1e-5)


def test_the_loss_is_the_weighted_mean():
    learned, _ = objective("v", mouth_weight=10.0, min_snr_gamma=5.0)
    latents, noise, prediction = randn(0), randn(1), randn(2)
    mouth = torch.rand(3, 2, 3, generator=torch.Generator().manual_seed(3)) * 48
    loss, scalars = learned.loss(prediction, latents, noise, TIMESTEPS, features(mouth))
    error = (prediction - learned.target(latents, noise, TIMESTEPS)) ** 2
    weights = learned.weight(features(mouth), 6, 8) * learned.snr_weight(TIMESTEPS).view(3, 1, 1, 1, 1)
    torch.testing.assert_close(loss, (error * weights).mean())
    torch.testing.assert_close(scalars["squared_error"], error.mean())


def test_without_options_the_loss_is_equation_1():
    learned, _ = objective("epsilon")
    prediction, noise = randn(2), randn(1)
    loss, _ = learned.loss(prediction, randn(0), noise, TIMESTEPS, features(torch.ones(3, 2, 3)))
    torch.testing.assert_close(loss, torch.nn.functional.mse_loss(prediction, noise))


def test_epsilon_at_zero_terminal_snr_is_an_error():
    scheduler = build_scheduler(load_model_config("emo-sd15"))
    with pytest.raises(ConfigError, match="epsilon says nothing"):
        configure_scheduler(scheduler, ObjectiveConfig(zero_terminal_snr=True))


def test_what_is_not_configured_is_the_models():
    scheduler = build_scheduler(load_model_config("emo-tiny"))
    same = configure_scheduler(scheduler, ObjectiveConfig())
    assert {k: v for k, v in same.config.items() if k[0] != "_"} == {
        k: v for k, v in scheduler.config.items() if k[0] != "_"
    }


def test_training_goes_on_with_ddim_from_weights_with_another_sampler():
    scheduler = build_scheduler(load_model_config("emo-tiny"))
    shipped = DPMSolverMultistepScheduler.from_config(scheduler.config)
    again = configure_scheduler(shipped, ObjectiveConfig())
    assert type(again) is DDIMScheduler
    assert torch.equal(again.alphas_cumprod, scheduler.alphas_cumprod)
    for name in ("prediction_type", "timestep_spacing", "clip_sample", "set_alpha_to_one", "steps_offset"):
        assert again.config[name] == scheduler.config[name], name
