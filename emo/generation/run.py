"""How a generation is run: what is the same for every model, and changes nothing of what a video is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch

from emo.errors import OptionError
from emo.generation.ahead import NotWanted
from emo.generation.clip import ClipState
from emo.generation.finite import FiniteCheck
from emo.generation.sampling import OnStep

OUTPUT_TYPES = ("pil", "np", "pt", "uint8", "latent")
CALLBACK_TENSORS = ("latents",)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Arguments of a pipeline's `stream` besides its inputs and its model's options.

    Attributes:
        generator: makes the result repeatable.
        output_type: `"pil"`, `"np"`, `"pt"`, `"uint8"` or `"latent"`; see `finish_frames`.
        callback_on_step_end: called after each denoising step; may return changed tensors.
        callback_on_step_end_tensor_inputs: names of the tensors that it gets.
        resume_from: the state to go on from.

    Raises:
        OptionError: one of them cannot be used; names it.
    """

    generator: torch.Generator | None = None
    output_type: str = "pil"
    callback_on_step_end: Callable[..., dict[str, Any] | None] | None = None
    callback_on_step_end_tensor_inputs: Sequence[str] = CALLBACK_TENSORS
    resume_from: ClipState | None = None

    def __post_init__(self):
        if self.generator is not None and not isinstance(self.generator, torch.Generator):
            raise _wrong("generator", self.generator, "give one torch.Generator, or None")
        if self.resume_from is not None and not isinstance(self.resume_from, ClipState):
            raise _wrong("resume_from", self.resume_from, "give the state of a clip")
        if self.resume_from is not None and (self.generator is None) != (self.resume_from.generator_state is None):
            problem = "resume_from: give a generator if and only if the interrupted run had one"
            raise OptionError(problem, option="resume_from")
        if self.output_type not in OUTPUT_TYPES:
            problem = f"output_type {self.output_type!r} is none of {', '.join(OUTPUT_TYPES)}"
            raise OptionError(problem, option="output_type")
        if self.callback_on_step_end is not None and not callable(self.callback_on_step_end):
            raise _wrong("callback_on_step_end", self.callback_on_step_end, "give a function, or None")
        if unknown := set(self.callback_on_step_end_tensor_inputs) - set(CALLBACK_TENSORS):
            name = "callback_on_step_end_tensor_inputs"
            raise OptionError(f"{name}: {unknown} not among {CALLBACK_TENSORS}", option=name)

    def generator_state(self) -> torch.Tensor | None:
        """The generator's state, or None where there is no generator."""
        return None if self.generator is None else self.generator.get_state()

    def start(self, *names: str) -> ClipState:
        """The state to go on from, or the one before the first clip.

        Args:
            names: of the tensors that a state of the model holds.

        Raises:
            OptionError: it lacks one of them.
        """
        if self.resume_from is None:
            return ClipState(0, {}, self.generator_state())
        if self.resume_from.next_clip > 0 and (missing := set(names) - self.resume_from.tensors.keys()):
            problem = f"resume_from is no state of a clip of this model: it has no {', '.join(sorted(missing))}"
            raise OptionError(problem, option="resume_from")
        return self.resume_from

    def watch(
        self, pipeline: Any, check: FiniteCheck, bar: Any, first_step: int, unwanted: Event | None = None
    ) -> OnStep:
        """What `sample` is to call after each step of a clip.

        Args:
            pipeline: what the callback gets.
            check: of the clip.
            bar: of progress, in steps.
            first_step: how many steps the clips before took.
            unwanted: set when nobody waits for the clip any more; then `NotWanted` is raised.
        """

        def on_step(index: int, timestep: torch.Tensor, latents: torch.Tensor) -> torch.Tensor | None:
            if unwanted is not None and unwanted.is_set():
                raise NotWanted
            check.step(latents)
            changed = None
            if self.callback_on_step_end is not None:
                tensors = {"latents": latents} if self.callback_on_step_end_tensor_inputs else {}
                changed = self.callback_on_step_end(pipeline, first_step + index, timestep, tensors)
            bar.update()
            return (changed or {}).get("latents")

        return on_step


def _wrong(name: str, value: object, advice: str) -> OptionError:
    return OptionError(f"{name} is a {type(value).__name__}; {advice}", option=name)
