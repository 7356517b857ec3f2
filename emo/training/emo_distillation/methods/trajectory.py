"""Trajectory regression: what the student's own steps lead to, against where the teacher is by then."""

from torch import Tensor

from emo.training.emo_distillation.case import Case


def trajectory_errors(case: Case) -> list[Tensor]:
    """Of the student's states after each of its steps, each taken from where the one before has left it, so that later
    steps mend what earlier ones left. Costs the teacher M predictions."""
    trajectory = case.follow()
    stride = len(trajectory.timesteps) // case.steps
    errors = []

    def compare(number: int, timestep: Tensor, latents: Tensor) -> Tensor:
        errors.append((latents - trajectory.states[(number + 1) * stride]).square())
        return latents.detach()

    case.sample(compare)
    return errors
