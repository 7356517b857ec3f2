"""What calls of a pipeline of motion are made of: a request, and arguments that methods share."""

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any, Generic, TypeVar

import numpy as np
from torch import Tensor

from emo.generation.clip import ClipState
from emo.generation.inputs import AudioInput
from emo.generation.run import Run
from emo.media import AudioTrack
from emo.motion import MotionTrack
from emo.pipelines.motion_options import MotionOptions

OptionsT = TypeVar("OptionsT", bound=MotionOptions)

RUN = tuple(field.name for field in fields(Run))
SILENCE_RATE = 16000  # Hz


Given = Mapping[str, Tensor]
"""What is given of frames besides sound, by name, (n, columns): their pose, and what else a system takes."""


def given_of(given: Mapping[str, Tensor | None], frames: Any) -> Given:
    """What is given of frames of a whole, by number or as a slice; what is not is left out."""
    return {name: values[frames] for name, values in given.items() if values is not None}


@dataclass(frozen=True)
class MotionRequest(Generic[OptionsT]):
    """What a motion is made of.

    Attributes:
        audio: the recording.
        options: with the model's own values where none were given.
        run: how it is run.
        start: the state before the first window.
        rate: frames per second of the motion.
        num_frames: of the motion.
        given: motion, pose and what else is not generated, by name, (T, columns), or None.
        picture: the portrait on which it is drawn, (H, W, 3) uint8, where it is known.
    """

    audio: AudioTrack
    options: OptionsT
    run: Run
    start: ClipState
    rate: Fraction
    num_frames: int
    given: Mapping[str, Tensor | None]
    picture: np.ndarray | None = None


def rendered(motion: MotionTrack, audio: AudioInput | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `stream` that draw a motion, at its own rate, with silence where there is no sound."""
    if audio is None:
        length = math.floor(len(motion) / motion.fps * SILENCE_RATE)
        audio = (np.zeros(length, np.float32), SILENCE_RATE)
    return {"audio": audio, "fps": motion.fps, **options, "motion": motion}


def told_options(given: OptionsT, completed: OptionsT) -> OptionsT:
    """Options for a video's record: as they were given, but for the steps, whose number depends on the machine."""
    return replace(given, num_inference_steps=completed.num_inference_steps)  # pyright: ignore[reportAttributeAccessIssue] (every system's has it)


def take_run(options: dict[str, Any]) -> Run:
    """The arguments of `Run`, taken out of others."""
    return Run(**{name: options.pop(name) for name in RUN if name in options})


def named_options(method: Any, options: type[MotionOptions]) -> Any:
    """A method that takes `options` in its keywords, with each of them in its signature, for help and editors."""

    def named(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs)

    signature = inspect.signature(method)
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    added = [inspect.Parameter(e.name, keyword, default=e.default) for e in options.entries()]
    run = inspect.signature(Run).parameters
    added += [inspect.Parameter(name, keyword, default=run[name].default) for name in RUN]
    named.__name__, named.__qualname__, named.__module__ = method.__name__, method.__qualname__, method.__module__
    lines = [f"{e.name}: {e.arguments_help()}." for e in options.entries()]
    named.__doc__ = f"{inspect.getdoc(method)}\n\nOptions:\n    " + "\n    ".join(lines) + "\n"
    named.__signature__ = signature.replace(parameters=[*own, *added])  # pyright: ignore[reportFunctionMemberAccess]
    return named
