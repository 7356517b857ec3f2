"""EMO's objective: that of a diffusion model, with more weight around the mouth, on noise as the backbone wants it."""

from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from emo.training.emo.config import EMOObjectiveConfig
from emo.training.mouth import mouth_bump
from emo.training.objective import Objective
from emo.unets import BackboneUNet


def configure_noise(unet: BackboneUNet, config: EMOObjectiveConfig) -> None:
    """Write the correlation of the frames' noise into the backbone's config, with which it is saved."""
    if config.noise_correlation is None:
        return
    # `from_config` resets what is listed as left at its default.
    left = [name for name in unet.config.get("_use_default_values", ()) if name != "noise_correlation"]
    unet.register_to_config(noise_correlation=config.noise_correlation, _use_default_values=left)


class EMOObjective(Objective):
    """See `Objective`; of a prediction's error the mouth's counts more."""

    def __init__(self, scheduler: DDIMScheduler, config: EMOObjectiveConfig):
        super().__init__(scheduler, config)
        self.config = config

    def loss(
        self, prediction: Tensor, latents: Tensor, noise: Tensor, timestep: Tensor, mouth: Tensor, height: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted squared error, and the plain one to log.

        Args:
            prediction, latents, noise: (B, F, L, h, w).
            timestep: (B,), or (B, F) where frames have their own.
            mouth: x, y and width of the mouth in pixels, (B, F, 3).
            height: of the picture in pixels.
        """
        error = self.squared_error(prediction, latents, noise, timestep)
        scale = latents.shape[-2] / height
        weight = self.mouth_weight(mouth * scale, latents.shape[-2], latents.shape[-1])
        return self.weighted_mean(error * weight, timestep), {"squared_error": error.mean()}

    def mouth_weight(self, mouth: Tensor, height: int, width: int) -> Tensor:
        """1 + w exp(−d²/2σ²), (B, F, 1, h, w), with d from the mouth's middle and σ a share of its width; 1 without w.

        Args:
            mouth: x, y, width in latent pixels, (B, F, 3).
            height, width: of the map.
        """
        if not self.config.mouth_weight:
            return mouth.new_ones(())
        return 1 + self.config.mouth_weight * mouth_bump(mouth, height, width, self.config.mouth_sigma)
