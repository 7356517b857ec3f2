"""Sound becomes motion, window after window (VASA-1, 3.2): each goes on from the last K frames of the one before."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import islice

import torch
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import Tensor

from emo.errors import MotionError
from emo.generation.clip import ClipState
from emo.generation.sampling import OnStep, Scheduler, sample
from emo.motion.track import MotionTrack
from emo.motion.vasa import HolisticMotionTransformer
from emo.motion.windows import bend_to, plan_windows
from emo.pipelines.motion_window import MotionWindow
from emo.pipelines.vasa_conditions import MotionControls, window_conditions

STATE = ("motion", "audio")
"""What a window's state holds: the last K frames of motion (K, D), normalized, and of sound (K, A)."""

START = ClipState(0, {}, None)
"""Before the first window."""

GUIDANCE = {"audio": 1.5, "gaze": 2.0}
"""The paper's lambda of 0.5 and 1.0, as w = 1 + lambda."""

SHORT_BORDER = Fraction(3, 8)
"""Share of its own frames over which a window of fewer than W is bent at most: over more, lips would not follow the
sound. Live windows are such."""

Predict = Callable[[Tensor, Tensor], Tensor]

Hear = Callable[[int, int], Tensor]
"""The features (n, A) of the frames from the first number up to the second."""


@dataclass(frozen=True)
class MotionSampler:
    """Makes windows of one motion.

    Attributes:
        denoiser: the model.
        scheduler: of diffusers, for a model that predicts the sample.
        device: where the model works; under offloading its weights may lie elsewhere.
        controls: what steers the motion.
        guidance: w = 1 + lambda by condition.
        num_steps: of the scheduler in each window.
        border_frames: over which a window's beginning is bent to the end of the one before, at every step, so that
            the rest is made to fit, over fewer in windows of fewer than W frames; 0 is the paper's.
        generator: of the noise; torch's own by default.
    """

    denoiser: HolisticMotionTransformer
    scheduler: Scheduler
    device: torch.device
    controls: MotionControls
    guidance: Mapping[str, float] = field(default_factory=GUIDANCE.copy)
    num_steps: int = 50
    border_frames: int = 0
    generator: torch.Generator | None = None

    @torch.no_grad()
    def window(self, audio: Tensor, state: ClipState = START, on_step: OnStep | None = None) -> MotionWindow:
        """The next window.

        Args:
            audio: features of its frames, (n, A), n from 1 to W; below W it is the last one.
            state: after the window before; its tensors are those of `STATE`, where there was one.
            on_step: called after each step.

        Raises:
            MotionError: these are none, or too many frames.
        """
        config, denoiser = self.denoiser.config, self.denoiser
        length, prefix = config["window_length"], config["prefix_length"]
        if not 1 <= len(audio) <= length:
            raise MotionError(f"{len(audio)} frames do not make a window; give 1 to {length}")
        generator = self.generator
        if generator is not None and state.generator_state is not None:
            generator.set_state(state.generator_state)
        audio = audio.float().cpu()
        before = state.tensors.get("audio", audio.new_zeros(prefix, audio.shape[1]))
        heard = torch.cat([before, audio])
        previous = state.tensors.get("motion")
        conditions = window_conditions(
            denoiser, heard, previous, len(audio), self.controls, self.guidance, self.device
        )
        drawn_on = torch.device("cpu") if generator is None else generator.device
        noise = torch.randn(1, length, len(denoiser.space), generator=generator, device=drawn_on).to(self.device)
        noise = noise[:, : len(audio)]  # a mask would say the same of a short window, and cost as much as a long one
        predict = partial(conditions.predict, denoiser)
        border = min(self.border_frames, short_border(len(audio))) if len(audio) < length else self.border_frames
        if previous is not None and border:
            predict = _bent(predict, previous[None].to(noise), border)
        motion = sample(self.scheduler, predict, noise, self.num_steps, on_step=on_step)
        motion = motion[0].float().cpu()
        tensors = {
            "motion": last_frames(previous, motion, prefix),
            "audio": last_frames(state.tensors.get("audio"), audio, prefix),
        }
        after = ClipState(state.next_clip + 1, tensors, None if generator is None else generator.get_state())
        return MotionWindow(denoiser.space.denormalize(motion), after)

    def windows(self, hear: Hear, num_frames: int, state: ClipState = START) -> Iterator[MotionWindow]:
        """All windows of `num_frames` frames after a state, in order.

        Args:
            hear: gives features of frames; asked for each frame once.
            num_frames: of the whole motion.
            state: where to go on.
        """
        plan = plan_windows(num_frames, self.denoiser.config["window_length"], self.denoiser.config["prefix_length"])
        for window in islice(plan, state.next_clip, None):
            made = self.window(hear(window.start, window.start + window.frames), state)
            state = made.state
            yield made


def short_border(frames: int) -> int:
    """Over how many frames a window of fewer than W is bent at most."""
    return int(SHORT_BORDER * frames)


def last_frames(before: Tensor | None, frames: Tensor, count: int) -> Tensor:
    """The last `count` frames (count, D) of a motion, whose first one repeats where there are fewer.

    Args:
        before: the last ones before `frames`, if there were any.
        frames: (n, D).
        count: K.
    """
    known = frames if before is None else torch.cat([before, frames])
    return torch.cat([known[:1].expand(max(0, count - len(known)), -1), known])[-count:]


def _bent(predict: Predict, previous: Tensor, frames: int) -> Predict:
    """A prediction whose beginning is bent to motion (1, K, D)."""
    return lambda noisy, timestep: bend_to(predict(noisy, timestep), previous, frames)


def generate_motion(sampler: MotionSampler, audio: Tensor) -> MotionTrack:
    """The motion of a whole sound.

    Args:
        sampler: makes its windows.
        audio: features of all frames, (T, A).
    """
    windows = sampler.windows(lambda start, stop: audio[start:stop], len(audio))
    values = torch.cat([window.values for window in windows])
    return MotionTrack(values, sampler.denoiser.fps, sampler.denoiser.space)


def motion_scheduler() -> UniPCMultistepScheduler:
    """The noise that the model learns, of which the paper says nothing: as cosine, to nothing but noise.

    UniPC, as what is short and seldom, a blink, takes DDIM many more steps.
    """
    return UniPCMultistepScheduler(
        prediction_type="sample", beta_schedule="squaredcos_cap_v2", timestep_spacing="trailing"
    )
