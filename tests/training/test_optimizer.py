"""Learning rates over a run."""

import pytest
import torch
from diffusers.optimization import get_scheduler

from emo.training.config import OptimizerConfig
from emo.training.optimizer import build_schedule


def rates(steps: int, **options) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = build_schedule(optimizer, OptimizerConfig(**options), steps)
    return list(_steps(optimizer, schedule, steps))


def _steps(optimizer, schedule, steps: int):
    for _ in range(steps):
        yield schedule.get_last_lr()[0]
        optimizer.step()
        schedule.step()


def test_warm_up_then_constant():
    assert rates(6, warmup_steps=4) == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]


def test_linear_fall_over_the_last_part():
    assert rates(10, schedule="linear", decay_share=0.4) == pytest.approx([2.0] * 7 + [1.5, 1.0, 0.5])


def test_the_fall_ends_at_the_final_factor():
    assert rates(101, schedule="linear", final_factor=0.1)[-1] == pytest.approx(2 * (0.1 + 0.9 / 101))


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_over_the_whole_run_as_diffusers(schedule):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    theirs = list(_steps(optimizer, get_scheduler(schedule, optimizer, num_warmup_steps=0, num_training_steps=20), 20))
    assert rates(20, schedule=schedule) == pytest.approx(theirs)
