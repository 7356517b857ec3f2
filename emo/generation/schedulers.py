"""What holds of schedulers, whether a pipeline samples by them or a model is trained for them."""

from typing import Any

from emo.errors import ConfigError


def predicts_nothing_at_zero_snr(scheduler: Any) -> bool:
    """Whether epsilon is predicted at zero terminal SNR, where the noise says nothing of the picture."""
    config = scheduler.config
    return config.get("prediction_type") == "epsilon" and bool(config.get("rescale_betas_zero_snr"))


def check_scheduler(scheduler: Any, prediction: str | None = None) -> None:
    """Refuse epsilon-prediction at zero terminal SNR, and other predictions than the model's.

    Args:
        scheduler: of diffusers.
        prediction: what the model predicts, as `prediction_type` names it, where it is always the same.

    Raises:
        ConfigError: the scheduler is set to that.
    """
    kind = scheduler.config.get("prediction_type")
    if prediction is not None and kind != prediction:
        raise ConfigError(f"scheduler: its prediction_type is {kind}, but this model predicts the {prediction}")
    if predicts_nothing_at_zero_snr(scheduler):
        raise ConfigError(
            "scheduler: prediction_type=epsilon does not go with rescale_betas_zero_snr; use v_prediction"
        )
