"""EMO's objective: a diffusion model's, with more weight at mouth and eyes, on noise as the backbone wants it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from emo.training.bump import bump
from emo.training.emo.config import EMOObjectiveConfig
from emo.training.objective import Objective
from emo.unets import BackboneUNet


def configure_noise(unet: BackboneUNet, config: EMOObjectiveConfig) -> None:
    """Write what is configured of the noise that clips start from into the backbone's config, with which it is saved:
    the correlation of the frames', and its strength."""
    given = {"noise_correlation": config.noise_correlation, "strength": config.strength}
    register(unet, {name: value for name, value in given.items() if value is not None})


def register(unet: BackboneUNet, given: Mapping[str, Any]) -> None:
    """Write values into a backbone's config, with which they are saved."""
    # `from_config` resets what is listed as left at its default.
    left = [name for name in unet.config.get("_use_default_values", ()) if name not in given]
    unet.register_to_config(**given, _use_default_values=left)


@dataclass(frozen=True)
class Features:
    """Where in frames small things are that matter much.

    Attributes:
        mouth: x, y of its middle and its width in pixels, (B, F, 3).
        eyes: x, y of each one's middle and their distance in pixels, (B, F, 2, 3).
        height: of the pictures in pixels.
    """

    mouth: Tensor
    eyes: Tensor
    height: int


class EMOObjective(Objective):
    """See `Objective`; of a prediction's error the mouth's and the eyes' count more.

    With a strength s below 1 times end at s, where generation starts from x_s = √ᾱ_s r + √(1−ᾱ_s) ε, r the portrait's
    latents. A sampler that goes from there to frames x₀ by straight lines sees on its way √ᾱ x₀ + √(1−ᾱ) ε' of the one
    noise ε' = ε + √(ᾱ_s / (1−ᾱ_s)) (r − x₀): the noise that is learned from.

    Args:
        scheduler: see `Objective`.
        config: what is learned.
        strength: s, as the backbone's config has it.
    """

    def __init__(self, scheduler: DDIMScheduler, config: EMOObjectiveConfig, strength: float = 1.0):
        super().__init__(scheduler, config)
        self.config = config
        self.strength = strength
        last = float(self.alphas_cumprod[self.timestep(torch.ones(()).nextafter(torch.zeros(())))])
        self.pull = 0.0 if strength == 1 else math.sqrt(last / (1 - last))

    def timestep(self, time: Tensor) -> Tensor:
        """Times in [0, 1) -> timesteps of that shape, int64, all up to the strength alike probable."""
        return super().timestep(time * self.strength)

    def noise(self, noise: Tensor, latents: Tensor, reference: Tensor) -> Tensor:
        """ε' of normal noise ε and latents x₀, (B, F, L, h, w), and the portrait's, (B, L, h, w)."""
        return noise + self.pull * (reference[:, None] - latents) if self.pull else noise

    def loss(
        self, prediction: Tensor, latents: Tensor, noise: Tensor, timestep: Tensor, features: Features
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted squared error, and the plain one to log.

        Args:
            prediction, latents, noise: (B, F, L, h, w).
            timestep: (B,), or (B, F) where frames have their own.
            features: of the frames.
        """
        error = self.squared_error(prediction, latents, noise, timestep)
        weight = self.weight(features, latents.shape[-2], latents.shape[-1])
        return self.weighted_mean(error * weight, timestep), {"squared_error": error.mean()}

    def weight(self, features: Features, height: int, width: int) -> Tensor:
        """1 + w exp(-d²/2σ²) of the mouth and of each eye, (B, F, 1, h, w), with d from its middle and σ a share of
        the mouth's width or of the eyes' distance; 1 without w.

        Args:
            features: of the frames.
            height, width: of the map, as large as the latents.
        """
        config, scale = self.config, height / features.height
        weight = features.mouth.new_ones(())
        if config.mouth_weight:
            weight = weight + config.mouth_weight * bump(features.mouth * scale, height, width, config.mouth_sigma)
        if config.eyes_weight:
            eyes = bump(features.eyes * scale, height, width, config.eyes_sigma)
            weight = weight + config.eyes_weight * eyes.sum(dim=-4)
        return weight
