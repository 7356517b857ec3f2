"""Stage 4's methods beside each other at toy size: how near a student draws to its teacher for the same work of it.

    OMP_NUM_THREADS=1 python benchmarks/distillation.py                     # all of it: a few minutes of one core
    OMP_NUM_THREADS=1 python benchmarks/distillation.py --method consistency --steps 1 --seed 1

The methods are the stage's own; networks and data are not. Samples are sequences of four frames of two numbers, of 16
Gaussians in four classes, of which the teacher knows the exact velocities, with the class and without. Its guided way
of 8 DDIM steps, by emo-tiny's noise schedule, is to be done in 4, 2 and 1 steps by a small network that is told
class and weight of guidance. The network learns the teacher's guided predictions first; all methods begin from there,
and have as many of the teacher's predictions a sample. Progressive distillation shares them evenly among its rounds.
Distances are of samples that were not learned from, drawn by DDIM from the same noise, guided by 2; near the data is
who is within three deviations of a Gaussian of its class.
"""

import emo.entry  # noqa: F401

import argparse
import copy
import time
from collections.abc import Callable
from functools import cache, partial

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor, nn

from emo.generation.sampling import sample
from emo.training.emo_distillation.case import Case, Predict, guidance_errors
from emo.training.emo_distillation.ddim import DDIM, END
from emo.training.emo_distillation.methods import METHODS
from emo.training.emo_distillation.teacher import Trajectory

SHAPE = (4, 2, 1, 1)  # of a sample: frames, numbers, and the sides that latents have
NUMBERS = 8
CLASSES, OF_CLASS, SPREAD = 4, 4, 0.1
TEACHER_STEPS = 8
LEAST, MOST, MEASURED = 1.0, 3.0, 2.0  # weights of guidance
Told = tuple[Tensor, Tensor]  # classes (B,) and weights (B,)
Guided = Callable[[Tensor, Tensor, Told], Tensor]


@cache  # `sample` works on copies
def scheduler(steps: int) -> DDIMScheduler:
    own = DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=False,
    )
    own.set_timesteps(steps)
    return own


class Mixture:
    """The teacher: exact velocities of a mixture of Gaussians, guided by the class."""

    def __init__(self):
        own = torch.Generator().manual_seed(0)
        frames = torch.linspace(0, 1, SHAPE[0])[:, None]
        start, turn = (torch.randn(CLASSES, OF_CLASS, 1, 2, generator=own) for _ in range(2))
        self.means = (start + frames * turn).reshape(CLASSES, OF_CLASS, NUMBERS)
        self.levels = DDIM.of(scheduler(TEACHER_STEPS)).alphas_cumprod

    def draw(self, classes: Tensor, generator: torch.Generator) -> Tensor:
        which = torch.randint(OF_CLASS, classes.shape, generator=generator)
        samples = self.means[classes, which]
        return (samples + SPREAD * torch.randn(samples.shape, generator=generator)).view(-1, *SHAPE)

    def guided(self, latents: Tensor, timestep: Tensor, told: Told) -> Tensor:
        classes, weight = told
        whole = self.velocity(latents, timestep, self.means[classes])
        without = self.velocity(latents, timestep, self.means.flatten(0, 1)[None])
        return whole + (weight - 1).view(-1, 1, 1, 1, 1) * (whole - without)

    def velocity(self, latents: Tensor, timestep: Tensor, means: Tensor) -> Tensor:
        """Of a mixture with `means` (B or 1, K, numbers), all alike probable."""
        alpha = self.levels[timestep].expand(len(latents)).view(-1, 1)
        signal, sigma, variance = alpha.sqrt(), (1 - alpha).sqrt(), alpha * SPREAD**2 + 1 - alpha
        flat = latents.flatten(1)
        apart = flat[:, None] - signal[..., None] * means
        share = torch.softmax(-apart.square().sum(dim=-1) / (2 * variance), dim=1)
        origins = means + (signal * SPREAD**2 / variance)[..., None] * apart
        origin = (share[..., None] * origins).sum(dim=1)
        return ((signal * flat - origin) / sigma).view_as(latents)


class Student(nn.Module):
    """A perceptron that is told time, class and weight of guidance."""

    def __init__(self, width: int = 128):
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Linear(NUMBERS + 16 + CLASSES + 1, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()),
            *(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, NUMBERS)),
        )

    def forward(self, latents: Tensor, timestep: Tensor, told: Told) -> Tensor:
        classes, weight = told
        turns = timestep.expand(len(latents))[:, None] / 1000 * 2.0 ** torch.arange(8)
        known = nn.functional.one_hot(classes, CLASSES)
        inputs = [latents.flatten(1), turns.sin(), turns.cos(), known, weight[:, None] - 2]
        return self.layers(torch.cat(inputs, dim=1)).view_as(latents)


class Cases:
    """Batches as the methods see them."""

    def __init__(self, mixture: Mixture, batch: int, seed: int):
        self.mixture, self.batch = mixture, batch
        self.generator = torch.Generator().manual_seed(seed)
        self.ddim = DDIM.of(scheduler(TEACHER_STEPS))

    def told(self, weight: float | None = None) -> Told:
        classes = torch.randint(CLASSES, (self.batch,), generator=self.generator)
        weights = LEAST + (MOST - LEAST) * torch.rand(self.batch, generator=self.generator)
        return classes, weights if weight is None else torch.full_like(weights, weight)

    def next(self, student: Student, teacher: Guided, steps: int, teacher_steps: int) -> Case:
        told = self.told()
        clean = self.mixture.draw(told[0], self.generator)
        noise = torch.randn(clean.shape, generator=self.generator)
        guided = partial(without_gradients, teacher, told)

        def noisy(timestep: Tensor) -> Tensor:
            alpha = self.ddim.alphas_cumprod[timestep].view(-1, 1, 1, 1, 1)
            return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise

        predict: Predict = lambda latents, timestep: student(latents, timestep, told)
        return Case(
            predict=predict,
            guided=guided,
            follow=partial(follow, guided, noise, teacher_steps),
            sample=lambda on_step: sample(scheduler(steps), predict, noise, steps, on_step=on_step),
            noisy=noisy,
            time=torch.rand(self.batch, generator=self.generator),
            steps=steps,
            timesteps=torch.tensor([*scheduler(teacher_steps).timesteps.tolist(), END]),
            ddim=self.ddim,
        )


@torch.no_grad()
def without_gradients(teacher: Guided, told: Told, latents: Tensor, timestep: Tensor) -> Tensor:
    return teacher(latents, timestep, told)


def follow(guided: Predict, noise: Tensor, steps: int) -> Trajectory:
    timesteps, states, predictions = [], [], []

    def predict(latents: Tensor, timestep: Tensor) -> Tensor:
        timesteps.append(timestep)
        states.append(latents)
        predictions.append(guided(latents, timestep))
        return predictions[-1]

    last = sample(scheduler(steps), predict, noise, steps)
    return Trajectory(torch.stack(timesteps), torch.stack([*states, last]), torch.stack(predictions))


def learn(student: Student, updates: int, rate: float, errors: Callable[[], list[Tensor]]) -> None:
    """So many updates, at a rate that falls to nothing."""
    optimizer = torch.optim.Adam(student.parameters(), rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / updates)
    for _ in range(updates):
        optimizer.zero_grad()
        torch.stack(errors()).mean().backward()
        optimizer.step()
        schedule.step()


def distill(
    method: str, start: Student, steps: int, cases: Cases, passes: int, rate: float
) -> tuple[Student, list[int]]:
    """The student, and how many updates each round took."""
    fewer = [n for n in (4, 2, 1) if n >= steps] if method == "progressive" else [steps]
    student, teacher, updates = start, cases.mixture.guided, []
    for n in fewer:
        student = copy.deepcopy(student)
        more = 2 * n if method == "progressive" else TEACHER_STEPS
        cost = {"trajectory": TEACHER_STEPS, "progressive": 2 * n, "consistency": n}[method]
        updates.append(passes // len(fewer) // cost)
        case = partial(cases.next, student, teacher, n, more)
        learn(student, updates[-1], rate, lambda case=case: METHODS[method](case()))
        teacher = student  # of the next round
    return student, updates


class Measured:
    """Held-out noise, and what the teacher makes of it."""

    def __init__(self, mixture: Mixture):
        cases = Cases(mixture, 4096, seed=10**6)
        self.mixture, self.told = mixture, cases.told(MEASURED)
        self.noise = torch.randn(len(self.told[0]), *SHAPE, generator=cases.generator)
        self.expected = self.draw(mixture.guided, TEACHER_STEPS)

    @torch.no_grad()
    def draw(self, predict: Guided, steps: int) -> Tensor:
        told = lambda latents, timestep: predict(latents, timestep, self.told)
        return sample(scheduler(steps), told, self.noise, steps)

    @torch.no_grad()
    def draw_afresh(self, predict: Guided, steps: int) -> Tensor:
        """As consistency models draw: each step's frames get noise of their own on the way to the next one."""
        own, times = torch.Generator().manual_seed(1), scheduler(steps).timesteps
        ddim, latents = DDIM.of(scheduler(steps)), self.noise
        for index, timestep in enumerate(times):
            latents = ddim.origin(latents, predict(latents, timestep, self.told), timestep.view(1))
            if index + 1 < len(times):
                alpha = ddim.alphas_cumprod[times[index + 1]]
                latents = alpha.sqrt() * latents + (1 - alpha).sqrt() * torch.randn(latents.shape, generator=own)
        return latents

    def row(self, name: str, drawn: Tensor, steps: int, updates: str = "", seconds: str = "") -> str:
        squared = (drawn - self.expected).square().mean().item()
        apart = (drawn.flatten(1)[:, None] - self.mixture.means[self.told[0]]).square().mean(dim=-1).amin(dim=1)
        near = (apart.sqrt() < 3 * SPREAD).float().mean().item()
        return f"| {name} | {steps} | {updates} | {squared:.4f} | {100 * near:.0f} % | {seconds} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", action="append", choices=list(METHODS), help="several may be given (default: all)")
    parser.add_argument("--steps", action="append", type=int, choices=(4, 2, 1), help="the same (default: 4, 2, 1)")
    parser.add_argument("--passes", type=int, default=8000, help="predictions of the teacher a sample of a batch")
    parser.add_argument("--guidance", type=int, default=1000, help="updates of guidance alone, which all begin with")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    mixture, start, began = Mixture(), Student(), time.process_time()
    cases = Cases(mixture, options.batch, options.seed)
    case = partial(cases.next, start, mixture.guided, 4, TEACHER_STEPS)
    learn(start, options.guidance, 2 * options.rate, lambda: guidance_errors(case()))
    measured = Measured(mixture)
    print("| | steps | updates | squared error to the teacher | near the data | CPU-s |")
    print("|---|---|---|---|---|---|")
    print(measured.row("the teacher", measured.expected, TEACHER_STEPS))
    seconds = f"{time.process_time() - began:.0f}"
    print(
        measured.row(
            "guidance alone", measured.draw(start, TEACHER_STEPS), TEACHER_STEPS, str(options.guidance), seconds
        ),
        flush=True,
    )
    for steps in options.steps or (4, 2, 1):
        print(measured.row("the teacher", measured.draw(mixture.guided, steps), steps))
        print(measured.row("guidance alone", measured.draw(start, steps), steps), flush=True)
        for method in options.method or METHODS:
            began = time.process_time()
            cases = Cases(mixture, options.batch, options.seed + 1)
            student, updates = distill(method, start, steps, cases, options.passes, options.rate)
            seconds = f"{time.process_time() - began:.0f}"
            drawn = measured.draw(student, steps)
            print(measured.row(method, drawn, steps, " + ".join(map(str, updates)), seconds), flush=True)
            if method == "consistency" and steps > 1:
                print(measured.row("the same, fresh noise between", measured.draw_afresh(student, steps), steps))


if __name__ == "__main__":
    main()
