"""What a diffusion model learns (3.1): noise, velocity or the sample at a random time of the scheduler's schedule."""

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import Tensor

from emo.bounds import Choice, Numbers
from emo.config import key
from emo.errors import ConfigError
from emo.generation.schedulers import predicts_nothing_at_zero_snr

PREDICTIONS = ("epsilon", "v_prediction", "sample")


@dataclass
class ObjectiveConfig:
    """What is learned, and how noise is scheduled; the first three are saved with the model."""

    prediction_type: Annotated[str | None, Choice(PREDICTIONS)] = key(
        None, "`epsilon` (the paper), `v_prediction` or `sample`", unset="the model's"
    )
    zero_terminal_snr: bool | None = key(
        None, "the last timestep is pure noise, of which `epsilon` says nothing", unset="the model's"
    )
    timestep_spacing: Annotated[str | None, Choice(("leading", "trailing", "linspace"))] = key(
        None, "of sampling: `leading`, `trailing` (with zero terminal SNR) or `linspace`", unset="the model's"
    )
    min_snr_gamma: Annotated[float | None, Numbers(0, 1e6, above=True)] = key(
        None,
        "gamma of the weight min(SNR, gamma) of the sample's error: over SNR for epsilon, SNR + 1 for v; 5 is usual",
        unset="off",
    )

    def misfit(self) -> str | None:
        """What does not go together."""
        if self.prediction_type == "epsilon" and self.zero_terminal_snr:
            return "prediction_type=epsilon says nothing of the picture with zero_terminal_snr=true; use v_prediction"
        return None


def configure_scheduler(scheduler: Any, config: ObjectiveConfig) -> DDIMScheduler:
    """The model's scheduler, as DDIM whatever it samples by, with the configured changes; it is saved with the model.

    Args:
        scheduler: any of diffusers'.
        config: the changes.

    Raises:
        ConfigError: the prediction is of another kind, or epsilon at zero terminal SNR.
    """
    changes = {
        "prediction_type": config.prediction_type,
        "rescale_betas_zero_snr": config.zero_terminal_snr,
        "timestep_spacing": config.timestep_spacing,
    }
    ddim = DDIMScheduler.from_config(scheduler.config, **{k: v for k, v in changes.items() if v is not None})
    assert isinstance(ddim, DDIMScheduler)
    kind = ddim.config["prediction_type"]
    if kind not in PREDICTIONS:
        raise ConfigError(f"objective.prediction_type is {kind}; use {', '.join(PREDICTIONS[:-1])} or sample")
    if predicts_nothing_at_zero_snr(ddim):
        raise ConfigError(
            "objective: epsilon says nothing of the picture at zero terminal SNR; use "
            "objective.prediction_type=v_prediction or objective.zero_terminal_snr=false"
        )
    return ddim


class Objective:
    """x_t = √ᾱ x₀ + √(1−ᾱ) ε, and what a network is to predict of it.

    Samples are sequences of frames, (B, F, ...), of any shape each.

    Args:
        scheduler: from `configure_scheduler`, or the model's own; its ᾱ and its kind of prediction.
        config: the weights of timesteps.
    """

    def __init__(self, scheduler: DDIMScheduler | UniPCMultistepScheduler, config: ObjectiveConfig):
        self.alphas_cumprod = scheduler.alphas_cumprod.clone()
        self.prediction_type = scheduler.config["prediction_type"]
        self.min_snr_gamma = config.min_snr_gamma

    def timestep(self, time: Tensor) -> Tensor:
        """Times in [0, 1) -> timesteps of that shape, int64, all alike probable."""
        return (time * len(self.alphas_cumprod)).long()

    def noisy(self, sample: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """x_t of x₀ and noise ε, each (B, F, ...), at timesteps (B,) or (B, F)."""
        signal, sigma = self._levels(timestep, sample.dim())
        return signal * sample + sigma * noise

    def target(self, sample: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """ε (eq. 1), the velocity v = √ᾱ ε − √(1−ᾱ) x₀, or x₀."""
        if self.prediction_type == "epsilon":
            return noise
        if self.prediction_type == "sample":
            return sample
        signal, sigma = self._levels(timestep, sample.dim())
        return signal * noise - sigma * sample

    def squared_error(self, prediction: Tensor, sample: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """Of a prediction (B, F, ...), number by number, in float32."""
        return (prediction.float() - self.target(sample, noise, timestep)).square()

    def snr_weight(self, timestep: Tensor) -> Tensor:
        """Min-SNR-γ of timesteps: min(SNR, γ) for x₀, min(SNR, γ)/SNR for ε, min(SNR, γ)/(SNR + 1) for v; 1 without
        γ (Hang et al. 2023, https://arxiv.org/abs/2303.09556)."""
        gamma = self.min_snr_gamma
        if gamma is None:
            return torch.ones_like(timestep, dtype=torch.float32)
        alpha = self.alphas_cumprod.to(timestep.device)[timestep]
        snr = alpha / (1 - alpha)
        if self.prediction_type == "sample":
            return snr.clamp(max=gamma)
        return snr.clamp(max=gamma) / (snr if self.prediction_type == "epsilon" else snr + 1)

    def weighted_mean(self, error: Tensor, timestep: Tensor) -> Tensor:
        """The mean of an error (B, F, ...), its frames weighted by `snr_weight`."""
        return (error.flatten(2).mean(dim=2) * _per_frame(self.snr_weight(timestep))).mean()

    def _levels(self, timestep: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        """√ᾱ and √(1−ᾱ) of timesteps, in the shape that `dim` dimensions (B, F, ...) multiply with."""
        alpha = _per_frame(self.alphas_cumprod.to(timestep.device)[timestep])
        alpha = alpha.view(*alpha.shape, *[1] * (dim - 2))
        return alpha.sqrt(), (1 - alpha).sqrt()


def _per_frame(values: Tensor) -> Tensor:
    """(B,) or (B, F) -> (B, 1) or (B, F)."""
    return values.view(len(values), -1)
