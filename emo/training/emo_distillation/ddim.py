"""Steps of DDIM from any time to any other, of samples at times of their own."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

END = -1  # the timestep after the last step: of the frames


@dataclass(frozen=True)
class DDIM:
    """What its steps need of a schedule; samples are sequences of frames (B, F, ...), timesteps (B,).

    Attributes:
        alphas_cumprod: ᾱ of every timestep, and at last of `END`.
        prediction_type: `epsilon`, `v_prediction` or `sample`.
    """

    alphas_cumprod: Tensor
    prediction_type: str

    @classmethod
    def of(cls, scheduler: Any) -> "DDIM":
        """As a scheduler of diffusers has it; those that say nothing of the end end without noise."""
        final = getattr(scheduler, "final_alpha_cumprod", torch.ones(1))
        levels = torch.cat([scheduler.alphas_cumprod, final.view(1)])
        return cls(levels, scheduler.config["prediction_type"])

    def origin(self, latents: Tensor, prediction: Tensor, timestep: Tensor) -> Tensor:
        """The x₀ that a prediction means of noisy latents."""
        signal, sigma = self._levels(timestep, latents)
        if self.prediction_type == "sample":
            return prediction
        if self.prediction_type == "epsilon":
            return (latents - sigma * prediction) / signal
        return signal * latents - sigma * prediction

    def prediction(self, latents: Tensor, origin: Tensor, timestep: Tensor) -> Tensor:
        """The other way round: the prediction by which noisy latents have this x₀."""
        signal, sigma = self._levels(timestep, latents)
        if self.prediction_type == "sample":
            return origin
        if self.prediction_type == "epsilon":
            return (latents - signal * origin) / sigma
        return (signal * latents - origin) / sigma

    def step(self, latents: Tensor, prediction: Tensor, timestep: Tensor, following: Tensor) -> Tensor:
        """Where a prediction leads from one timestep to a following one."""
        signal, sigma = self._levels(timestep, latents)
        next_signal, next_sigma = self._levels(following, latents)
        origin = self.origin(latents, prediction, timestep)
        return next_signal * origin + next_sigma * (latents - signal * origin) / sigma

    def origin_between(self, latents: Tensor, reached: Tensor, timestep: Tensor, following: Tensor) -> Tensor:
        """The x₀ by which one step leads from latents at a timestep to those reached at a following one."""
        signal, sigma = self._levels(timestep, latents)
        next_signal, next_sigma = self._levels(following, latents)
        share = next_sigma / sigma
        return (reached - share * latents) / (next_signal - share * signal)

    def _levels(self, timestep: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """√ᾱ and √(1−ᾱ) of timesteps (B,), to multiply with samples."""
        alpha = self.alphas_cumprod.to(like.device)[timestep.to(like.device)].view(-1, *[1] * (like.dim() - 1))
        return alpha.sqrt(), (1 - alpha).sqrt()
