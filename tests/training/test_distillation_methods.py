"""Ways to teach few steps: each one's target is its definition's, and each trains."""

from dataclasses import replace

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler
from random_clips import RandomClips, make_stage

from emo.generation.sampling import sample
from emo.training.emo_distillation.case import Case
from emo.training.emo_distillation.ddim import DDIM, END
from emo.training.emo_distillation.methods import METHODS
from emo.training.loop import make_accelerator, train

KINDS = ("epsilon", "v_prediction", "sample")
GRID = [999, 749, 499, 249]  # of DDIM in four steps, and a thousand in all


def scheduler(kind: str) -> DDIMScheduler:
    own = DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        clip_sample=False,
        set_alpha_to_one=False,
        prediction_type=kind,
        timestep_spacing="trailing",
    )
    own.set_timesteps(len(GRID))
    assert own.timesteps.tolist() == GRID
    own.alphas_cumprod, own.final_alpha_cumprod = own.alphas_cumprod.double(), own.final_alpha_cumprod.double()
    return own


def latents(seed: int) -> torch.Tensor:
    return torch.randn(4, 3, 2, 2, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def says(samples: torch.Tensor, timestep: torch.Tensor, shift: float) -> torch.Tensor:
    """Some network: of all numbers of a sample and its time."""
    time = timestep.view(-1, 1, 1, 1, 1).double() / 1000
    return torch.tanh(samples + shift) + 0.1 * samples.mean(dim=(1, 2, 3, 4), keepdim=True) + time


def case_of(kind: str, student, time: float = 0.0) -> Case:
    levels = scheduler(kind).alphas_cumprod
    blend = lambda t: (
        levels[t].view(-1, 1, 1, 1, 1).sqrt() * latents(0) + (1 - levels[t]).view(-1, 1, 1, 1, 1).sqrt() * latents(1)
    )
    return Case(
        predict=student,
        guided=lambda samples, t: says(samples, t, 0.5),
        follow=lambda: pytest.fail("the teacher's whole way is not needed"),
        sample=lambda on_step: pytest.fail("nor the student's"),
        noisy=blend,
        time=torch.tensor([0.0, 0.3, 0.6, 0.9]) + time,
        steps=2,
        timesteps=torch.tensor([*GRID, END]),
        ddim=DDIM.of(scheduler(kind)),
    )


def by_diffusers(kind: str, samples: torch.Tensor, timestep: int) -> torch.Tensor:
    """What one step of the teacher's makes of one sample."""
    said = says(samples, torch.tensor([timestep]), 0.5)
    return scheduler(kind).step(said, timestep, samples).prev_sample


def targets(method: str, kind: str, student=None) -> list[torch.Tensor]:
    """What a student is compared with, of its squared errors where it says 0 and where it says 1.

    student: in the place of one that teaches itself, without gradients.
    """

    def at(value: float) -> list[torch.Tensor]:
        def predict(samples, timestep):
            return samples * 0 + value if torch.is_grad_enabled() else student(samples, timestep)

        return METHODS[method](case_of(kind, predict))

    return list(zip(at(0.0), at(1.0), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_the_scheduler_s(kind):
    ddim = DDIM.of(scheduler(kind))
    said = says(latents(0), torch.tensor(GRID), 0.5)
    for start, following in zip(GRID, [*GRID[1:], END], strict=True):
        times = [torch.full((4,), t) for t in (start, following)]
        found = ddim.step(latents(0), said, *times)
        expected = scheduler(kind).step(said, start, latents(0))
        torch.testing.assert_close(found, expected.prev_sample)
        origin = ddim.origin(latents(0), said, times[0])
        torch.testing.assert_close(origin, expected.pred_original_sample)
        torch.testing.assert_close(ddim.prediction(latents(0), origin, times[0]), said)
        torch.testing.assert_close(ddim.origin_between(latents(0), found, *times), origin)


@pytest.mark.parametrize("kind", KINDS)
def test_progressive_one_step_leads_where_two_of_the_teacher_s_lead(kind):
    """At all of the student's times; its step is diffusers' own."""
    own = scheduler(kind)
    own.set_timesteps(2)
    case = case_of(kind, None)
    for number, (zero, one) in enumerate(targets("progressive", kind)):
        target = (zero - one + 1) / 2
        for row, place in enumerate(case.places(2)[number].tolist()):
            start, middle = GRID[2 * place : 2 * place + 2]
            noisy = case.noisy(torch.full((4,), start))[row : row + 1]
            expected = by_diffusers(kind, by_diffusers(kind, noisy, start), middle)
            found = own.step(target[row : row + 1], start, noisy).prev_sample
            torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_consistency_is_of_neighbors_on_the_teacher_s_way(kind):
    """The student's x₀ against its own of where one step of the teacher's leads; at the end against the frames."""
    itself = lambda samples, timestep: says(samples, timestep, -0.3)
    case, seen = case_of(kind, None), []
    for number, (zero, one) in enumerate(targets("consistency", kind, itself)):
        for row, place in enumerate(case.places(4)[number].tolist()):
            start, following = [*GRID, END][place : place + 2]
            seen.append(following)
            noisy = case.noisy(torch.full((4,), start))[row : row + 1]
            reached = by_diffusers(kind, noisy, start)
            said = itself(reached, torch.tensor([following]))
            own = scheduler(kind)
            target = reached if following == END else own.step(said, following, reached).pred_original_sample
            for value, errors in ((0.0, zero), (1.0, one)):
                x0 = own.step(noisy * 0 + value, start, noisy).pred_original_sample
                torch.testing.assert_close(errors[row : row + 1], (x0 - target).square())
    assert set(seen) == {*GRID[1:], END}


def distilled(init, *output, method, **options):
    given = {"distillation__steps": 2, "distillation__teacher_steps": 4, "distillation__audio_guidance": [1.0, 12.0]}
    return make_stage(4, init, *output, **{**given, **options, "distillation__method": method})


@pytest.mark.parametrize(("method", "passes"), [("trajectory", 4), ("progressive", 4), ("consistency", 2)])
def test_what_a_method_costs_the_teacher(init, method, passes):
    """Of N = 2 and M = 4, each with and without the sound."""
    stage = distilled(init, method=method)
    calls, forward = [], stage.teacher.unet.forward
    stage.teacher.unet.forward = lambda *args, **kw: calls.append(args) or forward(*args, **kw)
    loss, _ = stage.loss(stage.networks, stage.encode(RandomClips(video=True).batch([0, 1])))
    assert len(calls) == 2 * passes
    assert 0 < loss.item() < 1e4


@pytest.mark.parametrize("method", METHODS)
def test_it_trains_the_student_alone(init, tmp_path, method):
    stage = distilled(init, tmp_path, method=method, train__steps=2, distillation__guidance_share=0.0)
    before = {name: tensor.clone() for name, tensor in stage.networks.state_dict().items()}
    teacher = {name: tensor.clone() for name, tensor in stage.teacher.unet.state_dict().items()}
    train(stage, stage.config.train, make_accelerator(stage.config.train))
    after = stage.networks.state_dict()
    assert {name for name in before if not torch.equal(before[name], after[name])} == stage.trainable
    assert all(torch.equal(tensor, teacher[name]) for name, tensor in stage.teacher.unet.state_dict().items())
    assert (tmp_path / "model").is_dir()


@torch.no_grad()
def test_samples_have_the_noise_that_generation_begins_with(init):
    """At the first step of all, with a strength below 1 too."""
    stage = distilled(init, method="progressive", objective__strength=0.6)
    batch = stage.encode(RandomClips(video=True).batch([0, 1]))
    draws, first = stage.draws(batch), []
    case = stage._case(lambda *_: None, batch, draws, stage._inputs(batch, draws), draws.guidance[:, :1])
    keep = lambda samples, timestep: first.append((samples, timestep)) or samples
    prior = batch.reference_latents[:, None]
    sample(stage.pipe.scheduler, keep, draws.noise, stage.asked, prior=prior, strength=0.6)
    expected, timestep = first[0]
    torch.testing.assert_close(case.noisy(timestep.expand(2)), expected, atol=2e-3, rtol=0)
    assert case.timesteps[0] == timestep
    assert replace(case, time=torch.tensor([0.0, 0.95])).places(10)[1].tolist() == [5, 4]


def test_a_scheduler_that_says_nothing_of_the_end_ends_without_noise():
    own = DPMSolverMultistepScheduler(prediction_type="v_prediction")
    ddim = DDIM.of(own)
    assert torch.equal(ddim.alphas_cumprod[:-1], own.alphas_cumprod)
    assert ddim.alphas_cumprod[END] == 1
