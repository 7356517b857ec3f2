"""The teacher: a frozen backbone under guidance, and the way on which it takes noise to frames in many steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from emo.errors import ConfigError
from emo.generation.sampling import Scheduler, ask_steps, sample, taken_timesteps
from emo.unets import BackboneUNet

ROUNDED = 1  # timesteps by which the student's and the teacher's are rounded apart, where neither divides the strength


@dataclass(frozen=True)
class Trajectory:
    """The teacher's way of B samples.

    Attributes:
        timesteps: (M,), of its steps.
        states: (M + 1, B, F, L, h, w): what each step starts from, and the frames' latents at last.
        predictions: (M, B, F, L, h, w), guided.
    """

    timesteps: Tensor
    states: Tensor
    predictions: Tensor


class Teacher:
    """Samples under guidance, as generation does, for many samples at once.

    Args:
        unet: the backbone; frozen from now on.
        scheduler: it samples by.
        num_steps: M.
        strength: of the student, see `BackboneUNet`.

    Attributes:
        timesteps: of its steps.
    """

    def __init__(self, unet: BackboneUNet, scheduler: Scheduler, num_steps: int, strength: float):
        self.unet = unet.requires_grad_(False).eval()
        self.scheduler = scheduler
        self.strength = strength
        self.asked = ask_steps(num_steps, strength)
        self.timesteps = taken_timesteps(scheduler, self.asked, strength)

    def check_passes(self, timesteps: list[int]) -> None:
        """See that a student's steps begin where some of the teacher's do, in the same scale.

        Raises:
            ConfigError: they do not.
        """
        passed = self.timesteps[:: max(1, len(self.timesteps) // len(timesteps))]
        apart = [abs(one - other) for one, other in zip(passed, timesteps, strict=False)]
        if self.scheduler.init_noise_sigma != 1 or len(passed) != len(timesteps) or max(apart) > ROUNDED:
            name = type(self.scheduler).__name__
            raise ConfigError(
                f"the teacher's {name} does not pass the student's steps, {', '.join(map(str, timesteps))}: give a "
                "folder with DDIM or DPM-Solver++"
            )

    @torch.no_grad()
    def trajectory(
        self, conditions: Mapping[str, Any], guidance: Mapping[str, Tensor], noise: Tensor, prior: Tensor
    ) -> Trajectory:
        """The way from noise to frames.

        Args:
            conditions: the backbone's keyword arguments beside latents and timestep, see `EMONetworks.conditions`.
            guidance: weights (B,) by condition.
            noise: normal, (B, F, L, h, w).
            prior: the portraits' latents, (B, L, h, w).
        """
        timesteps, states, predictions = [], [], []

        def predict(latents: Tensor, timestep: Tensor) -> Tensor:
            timesteps.append(timestep)
            states.append(latents)
            predictions.append(self.guided(conditions, guidance, latents, timestep))
            return predictions[-1]

        last = sample(self.scheduler, predict, noise, self.asked, prior=prior[:, None], strength=self.strength)
        return Trajectory(torch.stack(timesteps), torch.stack([*states, last]), torch.stack(predictions))

    def guided(
        self, conditions: Mapping[str, Any], guidance: Mapping[str, Tensor], latents: Tensor, timestep: Tensor
    ) -> Tensor:
        """c + Σ (w − 1) (c − c without the condition), float32, of noisy latents at a timestep (); a teacher that is
        told of weights itself needs no c without those conditions."""
        told = self.unet.config["guidance_embeds"]
        unguided = latents.new_ones(len(latents))
        heard = torch.stack([guidance.get(name, unguided) for name in told], dim=1) if told else None

        def predict(given: Mapping[str, Any]) -> Tensor:
            timesteps = timestep.to(latents.device).expand(len(latents))
            return self.unet(latents.to(self.unet.dtype), timesteps, **given, guidance=heard).float()

        whole = predict(conditions)
        prediction = whole
        for name, weight in guidance.items():
            if name not in told:
                apart = whole - predict(without(conditions, name))
                prediction = prediction + (weight - 1).view(-1, 1, 1, 1, 1) * apart
        return prediction


def without(conditions: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The conditions with one dropped, as for guidance."""
    if name == "audio":
        return {**conditions, "audio": torch.zeros_like(conditions["audio"])}
    return {**conditions, "reference": conditions["reference"].dropped()}


def student_of(teacher: BackboneUNet, told: list[str]) -> BackboneUNet:
    """A copy that is told the weights of guidance of some conditions; it hears nothing of them at first, unless its
    teacher did of the same."""
    student = BackboneUNet.from_config(teacher.config, guidance_embeds=told)
    assert isinstance(student, BackboneUNet)
    weights = teacher.state_dict()
    if list(teacher.config["guidance_embeds"]) != told:
        weights = {name: tensor for name, tensor in weights.items() if not name.startswith("guidance_embedding.")}
    student.load_state_dict(weights, strict=False)
    return student
