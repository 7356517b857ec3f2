"""EMO's objective: a diffusion model's, with more weight at mouth and eyes, on noise as the backbone wants it."""

from dataclasses import dataclass

from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from emo.training.bump import bump
from emo.training.emo.config import EMOObjectiveConfig
from emo.training.objective import Objective
from emo.unets import BackboneUNet


def configure_noise(unet: BackboneUNet, config: EMOObjectiveConfig) -> None:
    """Write the correlation of the frames' noise into the backbone's config, with which it is saved."""
    if config.noise_correlation is None:
        return
    # `from_config` resets what is listed as left at its default.
    left = [name for name in unet.config.get("_use_default_values", ()) if name != "noise_correlation"]
    unet.register_to_config(noise_correlation=config.noise_correlation, _use_default_values=left)


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
    """See `Objective`; of a prediction's error the mouth's and the eyes' count more."""

    def __init__(self, scheduler: DDIMScheduler, config: EMOObjectiveConfig):
        super().__init__(scheduler, config)
        self.config = config

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
