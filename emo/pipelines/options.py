"""The options of a generation, checked before any work."""

import math
from collections.abc import Sequence

import torch

from emo.errors import OptionError
from emo.pipelines.output import ClipState

OUTPUT_TYPES = ("pil", "np", "pt", "uint8", "latent")
CALLBACK_TENSORS = ("latents",)


def check_options(
    *,
    num_inference_steps: int,
    most_steps: int,
    audio_guidance_scale: float,
    reference_guidance_scale: float,
    noise_correlation: float,
    noise_mirroring: float,
    eta: float,
    has_eta: bool,
    paste_back: bool,
    generator: torch.Generator | None,
    output_type: str,
    callback_tensors: Sequence[str],
    resume_from: ClipState | None,
) -> None:
    """Refuse values that would fail, or give no picture, later on; see `EMOPipeline.stream` for what they mean.

    Raises:
        OptionError: naming the option.
    """
    if not isinstance(num_inference_steps, int) or not 1 <= num_inference_steps <= most_steps:
        raise OptionError(
            f"num_inference_steps is {num_inference_steps}; it must be a whole number, 1 to {most_steps}"
        )
    if not (math.isfinite(audio_guidance_scale) and math.isfinite(reference_guidance_scale) and 0 <= eta <= 1):
        raise OptionError("guidance scales must be finite, and eta must lie between 0 and 1")
    if eta and not has_eta:
        raise OptionError(f"eta is {eta}, but the model's scheduler has none; leave it out, or choose DDIM")
    for name, value in {"noise_correlation": noise_correlation, "noise_mirroring": noise_mirroring}.items():
        if not 0 <= value <= 1:
            raise OptionError(f"{name} is {value}; it must lie between 0 and 1")
    if generator is not None and not isinstance(generator, torch.Generator):
        raise OptionError(f"generator is a {type(generator).__name__}; give one torch.Generator, or None")
    if resume_from is not None and (generator is None) != (resume_from.generator_state is None):
        raise OptionError("resume_from: give a generator if and only if the interrupted run had one")
    if output_type not in OUTPUT_TYPES:
        raise OptionError(f"output_type {output_type!r} is none of {', '.join(OUTPUT_TYPES)}")
    if paste_back and output_type == "latent":
        raise OptionError("paste_back needs pictures: choose another output_type than 'latent'")
    if unknown := set(callback_tensors) - set(CALLBACK_TENSORS):
        raise OptionError(f"callback_on_step_end_tensor_inputs: {unknown} not among {CALLBACK_TENSORS}")


def speed_track(speed: float | Sequence[float] | None, num_frames: int) -> torch.Tensor | None:
    """Head rotation (1, T) in degrees per frame, from one number or one per frame.

    Raises:
        OptionError: the values are no numbers, not finite, negative, or not as many as frames.
    """
    if speed is None:
        return None
    try:
        track = torch.as_tensor(speed, dtype=torch.float32).reshape(1, -1)
    except (TypeError, ValueError):
        raise OptionError(f"speed is {speed!r}; give a number, or one per frame, in degrees per frame") from None
    if track.shape[1] == 1:
        track = track.expand(1, num_frames)
    if track.shape[1] != num_frames:
        raise OptionError(f"speed has {track.shape[1]} values, but the video has {num_frames} frames")
    if not torch.isfinite(track).all() or (track < 0).any():
        raise OptionError("speed must be finite and not negative, in degrees per frame")
    return track
