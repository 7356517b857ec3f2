"""What holds of schedulers, whether a pipeline samples by them or a model is trained for them."""

from typing import Any

from emo.errors import ConfigError


def predicts_nothing_at_zero_snr(scheduler: Any) -> bool:
    """Whether epsilon is predicted at zero terminal SNR, where the noise says nothing of the picture."""
    config = scheduler.config
    return config.get("prediction_type") == "epsilon" and bool(config.get("rescale_betas_zero_snr"))


def check_scheduler(scheduler: Any) -> None:
    """Refuse epsilon-prediction at zero terminal SNR.

    Args:
        scheduler: of diffusers.

    Raises:
        ConfigError: the scheduler is set to that.
    """
    if predicts_nothing_at_zero_snr(scheduler):
        raise ConfigError(
            "scheduler: prediction_type=epsilon does not go with rescale_betas_zero_snr; use v_prediction"
        )
