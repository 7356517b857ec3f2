"""The loop in which pipelines of motion generate: the sound is heard, and window after window made of it."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from emo.generation.audio_features import AudioFeatures
from emo.generation.clip import ClipState
from emo.generation.finite import FiniteCheck
from emo.generation.running_features import RunningFeatures
from emo.generation.sampling import OnStep
from emo.motion.windows import plan_windows
from emo.pipelines.motion_call import Given, MotionRequest, given_of
from emo.pipelines.motion_live import NextWindow
from emo.pipelines.motion_window import MotionWindow

MakeWindow = Callable[[Tensor, ClipState, Given, OnStep], MotionWindow]
"""Features of a window's frames (n, A), the state before it, what is given of its frames besides sound, and what is
called after each step -> its motion."""


class GeneratedMotion:
    """Mixin of `MotionPipeline`: the windows of a sound's motion, of a recording and of live sound.

    Attributes:
        default_steps: of denoising on a CPU, and elsewhere.
    """

    default_steps: ClassVar[tuple[int, int]]

    @abstractmethod
    def window_maker(self, options: Any, generator: torch.Generator | None, picture: np.ndarray | None) -> MakeWindow:
        """What makes windows.

        Args:
            options: completed ones.
            generator: of the noise; torch's own by default.
            picture: the portrait, (H, W, 3) uint8, where it is known.
        """

    def completed(self: Any, options: Any) -> Any:
        """Options with the model's own values where none were given.

        Raises:
            OptionError: the model knows no such value.
        """
        if options.num_inference_steps is not None:
            return options
        on_cpu, elsewhere = self.default_steps
        return replace(options, num_inference_steps=on_cpu if self._execution_device.type == "cpu" else elsewhere)

    def windows(self: Any, request: MotionRequest[Any]) -> Iterator[MotionWindow]:
        """The windows of a generated motion from its start on: `window_length` frames each, but the last."""
        options, run, state = request.options, request.run, request.start
        make = self.window_maker(options, run.generator, request.picture)
        features = RunningFeatures if options.running_normalization else AudioFeatures
        sound = features(request.audio, self.audio_encoder, self.feature_extractor, request.rate, request.num_frames)
        steps = options.num_inference_steps
        count = math.ceil(request.num_frames / self.window_length)
        try:
            with self.progress_bar(total=count * steps) as bar:
                bar.initial = bar.n = state.next_clip * steps
                for window in islice(plan_windows(request.num_frames, self.window_length, 0), state.next_clip, None):
                    bar.set_description(f"window {window.index + 1}/{count}")
                    frames = slice(window.start, window.start + window.frames)
                    audio = sound.windows(frames.start, frames.stop, 0)[0].flatten(1)
                    check = FiniteCheck(window.index, self.denoiser.dtype)
                    watch = run.watch(self, check, bar, window.index * steps)
                    made = make(audio, state, given_of(request.given, frames), watch)
                    check.conclude({"the sound's features": [audio]})
                    self.maybe_free_model_hooks()
                    state = made.state
                    yield made
        finally:
            self.maybe_free_model_hooks()

    def next_window(
        self: Any, options: Any, generator: torch.Generator | None, picture: np.ndarray | None = None
    ) -> NextWindow:
        """What makes motion of a few frames after those before; the arguments are those of `window_maker`."""
        make = self.window_maker(options, generator, picture)

        def made(audio: Tensor, state: ClipState, given: Given) -> MotionWindow:
            check = FiniteCheck(state.next_clip, self.denoiser.dtype)
            window = make(audio, state, given, lambda index, timestep, motion: check.step(motion))
            check.conclude({"the sound's features": [audio]})
            return window

        return made
