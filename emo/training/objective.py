"""What is learned (3.1): noise or velocity at a random time of the scheduler's noise schedule, and its weights."""

import torch
from diffusers import DDIMScheduler, SchedulerMixin
from torch import Tensor

from emo.errors import ConfigError
from emo.generation.schedulers import predicts_nothing_at_zero_snr
from emo.training.emo.stage_config import ObjectiveConfig
from emo.training.mouth import mouth_bump
from emo.unets import BackboneUNet


def configure_scheduler(scheduler: SchedulerMixin, config: ObjectiveConfig) -> DDIMScheduler:
    """The model's scheduler, as DDIM whatever it samples by, with the configured changes; it is saved with the model.

    Raises:
        ConfigError: the prediction is neither epsilon nor v_prediction, or epsilon at zero terminal SNR.
    """
    changes = {
        "prediction_type": config.prediction_type,
        "rescale_betas_zero_snr": config.zero_terminal_snr,
        "timestep_spacing": config.timestep_spacing,
    }
    scheduler = DDIMScheduler.from_config(scheduler.config, **{k: v for k, v in changes.items() if v is not None})
    if scheduler.config.prediction_type not in ("epsilon", "v_prediction"):
        raise ConfigError(
            f"objective.prediction_type is {scheduler.config.prediction_type}; use epsilon or v_prediction"
        )
    if predicts_nothing_at_zero_snr(scheduler):
        raise ConfigError(
            "objective: epsilon says nothing of the picture at zero terminal SNR; use "
            "objective.prediction_type=v_prediction or objective.zero_terminal_snr=false"
        )
    return scheduler


def configure_noise(unet: BackboneUNet, config: ObjectiveConfig) -> None:
    """Write the correlation of the frames' noise into the backbone's config, with which it is saved."""
    if config.noise_correlation is None:
        return
    # `from_config` resets what is listed as left at its default.
    left = [name for name in unet.config.get("_use_default_values", ()) if name != "noise_correlation"]
    unet.register_to_config(noise_correlation=config.noise_correlation, _use_default_values=left)


class Objective:
    """x_t = √ᾱ x₀ + √(1−ᾱ) ε, and the squared error of the prediction.

    Args:
        scheduler: from `configure_scheduler`; its ᾱ and its kind of prediction.
    """

    def __init__(self, scheduler: DDIMScheduler, config: ObjectiveConfig):
        self.config, self.alphas_cumprod = config, scheduler.alphas_cumprod.clone()
        self.velocity = scheduler.config.prediction_type == "v_prediction"

    def timestep(self, time: Tensor) -> Tensor:
        """Times in [0, 1) → timesteps of that shape, int64, all alike probable."""
        return (time * len(self.alphas_cumprod)).long()

    def noisy(self, latents: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """x_t (B, F, L, h, w) of latents x₀ and noise ε of that shape at timesteps (B,) or (B, F)."""
        signal, sigma = self._levels(timestep)
        return signal * latents + sigma * noise

    def target(self, latents: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """ε (eq. 1), or the velocity v = √ᾱ ε − √(1−ᾱ) x₀."""
        signal, sigma = self._levels(timestep)
        return signal * noise - sigma * latents if self.velocity else noise

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
        error = (prediction.float() - self.target(latents, noise, timestep)).square()
        scale = latents.shape[-2] / height
        weighted = error * self.mouth_weight(mouth * scale, latents.shape[-2], latents.shape[-1])
        per_frame = weighted.flatten(2).mean(dim=2) * _per_frame(self.snr_weight(timestep))
        return per_frame.mean(), {"squared_error": error.mean()}

    def snr_weight(self, timestep: Tensor) -> Tensor:
        """Min-SNR-γ of timesteps: min(SNR, γ)/SNR for ε, min(SNR, γ)/(SNR + 1) for v; 1 without γ."""
        gamma = self.config.min_snr_gamma
        if gamma is None:
            return torch.ones_like(timestep, dtype=torch.float32)
        alpha = self.alphas_cumprod.to(timestep.device)[timestep]
        snr = alpha / (1 - alpha)
        return snr.clamp(max=gamma) / (snr + 1 if self.velocity else snr)

    def mouth_weight(self, mouth: Tensor, height: int, width: int) -> Tensor:
        """1 + w·exp(−d²/2σ²), (B, F, 1, h, w), with d from the mouth's middle and σ a share of its width.

        mouth: x, y, width in latent pixels, (B, F, 3).
        """
        if not self.config.mouth_weight:
            return mouth.new_ones(())
        return 1 + self.config.mouth_weight * mouth_bump(mouth, height, width, self.config.mouth_sigma)

    def _levels(self, timestep: Tensor) -> tuple[Tensor, Tensor]:
        alpha = _per_frame(self.alphas_cumprod.to(timestep.device)[timestep])[..., None, None, None]
        return alpha.sqrt(), (1 - alpha).sqrt()


def _per_frame(values: Tensor) -> Tensor:
    """(B,) or (B, F) → (B, 1) or (B, F)."""
    return values.view(len(values), -1)
