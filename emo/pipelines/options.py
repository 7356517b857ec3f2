"""The options of a generation, checked before any work."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from emo.errors import OptionError
from emo.face import plain_region
from emo.generation.stream import ClipState
from emo.media import MAX_SIDE
from emo.values import number, whole

OUTPUT_TYPES = ("pil", "np", "pt", "uint8", "latent")
CALLBACK_TENSORS = ("latents",)


def check_size(value: int | None, name: str, multiple: int, default: int) -> int:
    """A side of the generated picture in pixels.

    Raises:
        OptionError: it is no whole number, no multiple of what the networks halve, or more than a video can hold.
    """
    side = default if value is None else whole(value, name)
    if side % multiple or not multiple <= side <= MAX_SIDE:
        most = MAX_SIDE // multiple * multiple
        raise OptionError(f"{name} is {side}; it must be one of the multiples of {multiple} from {multiple} to {most}")
    return side


def plain_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a record holds (see `emo.generation.origin`), numbers of any kind as Python's own.

    Args:
        given: arguments of `EMOPipeline.stream`, by name; others are left out.

    Raises:
        OptionError: naming the option that is not of its kind.
    """
    unless_none = lambda plain, name: None if given[name] is None else plain(given[name], name)
    fps, paste_back = given["fps"], given["paste_back"]
    if not isinstance(paste_back, int | np.bool_):
        raise OptionError(f"paste_back is {paste_back!r}; give True or False")
    scales = ("audio_guidance_scale", "reference_guidance_scale", "noise_mirroring", "eta")
    return {
        **{name: unless_none(whole, name) for name in ("height", "width", "face")},
        "fps": str(fps.detach().cpu().numpy() if isinstance(fps, torch.Tensor) else fps),
        "num_inference_steps": whole(given["num_inference_steps"], "num_inference_steps"),
        **{name: number(given[name], name) for name in scales},
        "noise_correlation": unless_none(number, "noise_correlation"),
        "face_region": plain_region(given["face_region"]),
        "speed": plain_speed(given["speed"]),
        "paste_back": bool(paste_back),
    }


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
    callback: Callable | None,
    callback_tensors: Sequence[str],
    resume_from: ClipState | None,
) -> None:
    """Refuse values that would fail, or give no picture, later on; see `EMOPipeline.stream` for what they mean.

    Raises:
        OptionError: naming the option.
    """
    whole(num_inference_steps, "num_inference_steps", 1, most_steps)
    scales = {"audio_guidance_scale": audio_guidance_scale, "reference_guidance_scale": reference_guidance_scale}
    for name, value in scales.items():
        if not math.isfinite(value):
            raise OptionError(f"{name} is {value}; it must be finite")
    shares = {"noise_correlation": noise_correlation, "noise_mirroring": noise_mirroring, "eta": eta}
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise OptionError(f"{name} is {value}; it must lie between 0 and 1")
    if eta and not has_eta:
        raise OptionError(f"eta is {eta}, but the model's scheduler has none; leave it out, or choose DDIM")
    if generator is not None and not isinstance(generator, torch.Generator):
        raise OptionError(f"generator is a {type(generator).__name__}; give one torch.Generator, or None")
    if resume_from is not None and not isinstance(resume_from, ClipState):
        raise OptionError(f"resume_from is a {type(resume_from).__name__}; give the state of a clip")
    if resume_from is not None and (generator is None) != (resume_from.generator_state is None):
        raise OptionError("resume_from: give a generator if and only if the interrupted run had one")
    if output_type not in OUTPUT_TYPES:
        raise OptionError(f"output_type {output_type!r} is none of {', '.join(OUTPUT_TYPES)}")
    if paste_back and output_type == "latent":
        raise OptionError("paste_back needs pictures: choose another output_type than 'latent'")
    if callback is not None and not callable(callback):
        raise OptionError(f"callback_on_step_end is a {type(callback).__name__}; give a function, or None")
    if unknown := set(callback_tensors) - set(CALLBACK_TENSORS):
        raise OptionError(f"callback_on_step_end_tensor_inputs: {unknown} not among {CALLBACK_TENSORS}")


def plain_speed(speed: float | Sequence[float] | None) -> float | list[float] | None:
    """Head rotation in degrees per frame as one number, or a list of one per frame.

    Args:
        speed: of any kind of number, sequence, array or tensor.

    Raises:
        OptionError: it is none of these, not finite, or negative.
    """
    if speed is None:
        return None
    if hasattr(speed, "detach"):  # a torch tensor; numpy knows fewer kinds of numbers
        speed = speed.detach().cpu().flatten().tolist() if speed.ndim else speed.item()
    elif isinstance(speed, np.ndarray):
        speed = speed.ravel().tolist() if speed.ndim else speed.item()
    if isinstance(speed, Iterable) and not isinstance(speed, str | bytes | Mapping):
        plain = [number(value, "speed, in degrees per frame,") for value in speed]
    else:
        plain = number(speed, "speed, in degrees per frame,")
    if not all(math.isfinite(value) and value >= 0 for value in (plain if isinstance(plain, list) else [plain])):
        raise OptionError("speed must be finite and not negative, in degrees per frame")
    return plain


def speed_track(speed: float | Sequence[float] | None, num_frames: int) -> torch.Tensor | None:
    """Head rotation (1, T) in degrees per frame, from one number or one per frame as `plain_speed` gives them.

    Raises:
        OptionError: the values are not as many as frames.
    """
    if speed is None:
        return None
    track = torch.tensor(speed, dtype=torch.float32).reshape(1, -1)
    if track.shape[1] == 1:
        track = track.expand(1, num_frames)
    if track.shape[1] != num_frames:
        raise OptionError(f"speed has {track.shape[1]} values, but the video has {num_frames} frames")
    return track
