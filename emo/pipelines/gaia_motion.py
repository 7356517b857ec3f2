"""Speech becomes latents of motion, sequence after sequence (GAIA, 4.2): of a long sound each goes on from the end of
the one before: that end is imputed at every step, and what is predicted of new frames is bent to it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import Tensor

from emo.errors import MotionError
from emo.generation.clip import ClipState
from emo.generation.guidance import guidance_rows, guided
from emo.generation.sampling import OnStep, Scheduler
from emo.motion.gaia import MotionConformer, PosePredictor, SpeechEncoder
from emo.motion.gaia.instruction import Instruction
from emo.motion.windows import bend_to, plan_windows
from emo.pipelines.imputed_sampling import last_frames, sample_imputed, sequence_noise
from emo.pipelines.motion_window import MotionWindow

STATE = ("motion", "audio", "pose")
"""What a state holds of up to the last O frames: motion (n, D) and poses (n, 3), normalized, and sound (n, A)."""

START = ClipState(0, {}, None)
"""Before the first window."""

AUDIO = "audio"

FADE = 25
"""New frames, a second at the rate of `gaia-tiny`, that are bent to the known ones, less and less; ours."""

Hear = Callable[[int, int], Tensor]
"""The features (n, A) of the frames from the first number up to the second."""

Give = Callable[[int, int], Tensor]
"""What is given of those frames: poses (n, 3) in degrees, or motion (n, D)."""


@dataclass(frozen=True)
class SequenceSampler:
    """Makes windows of one motion: each is what is new in a sequence, of which the first O frames are known.

    Attributes:
        denoiser: S, which makes sequences of at most N frames.
        speech_encoder: A; or an instruction in its place.
        pose_predictor: P, for poses that are not given.
        scheduler: of diffusers, for a model that predicts the sample.
        device: where the models work; under offloading their weights may lie elsewhere.
        reference: the portrait's motion latent, normalized, (D,); None for nobody's.
        audio_guidance_scale: w of the speech; 1 is the paper's, which has none.
        num_steps: of the scheduler in each window.
        eta: 0 solves eq. 9, 1 eq. 8.
        generator: of the noise; torch's own by default.
    """

    denoiser: MotionConformer
    speech_encoder: SpeechEncoder | Instruction
    pose_predictor: PosePredictor
    scheduler: Scheduler
    device: torch.device
    reference: Tensor | None = field(repr=False)
    audio_guidance_scale: float = 1.0
    num_steps: int = 50
    eta: float = 0.0
    generator: torch.Generator | None = None

    @property
    def window_length(self) -> int:
        """Frames that are new in a sequence, N - O."""
        return self.denoiser.window_length

    @torch.no_grad()
    def window(
        self,
        audio: Tensor,
        state: ClipState = START,
        pose: Tensor | None = None,
        on_step: OnStep | None = None,
        wanted: Tensor | None = None,
    ) -> MotionWindow:
        """The next window.

        Args:
            audio: features of its frames, (n, A), n from 1 to N - O; below that it is the last one.
            state: after the window before; its tensors are those of `STATE`, where there was one.
            pose: of its frames, (n, 3) in degrees; as predicted by default.
            on_step: called after each step.
            wanted: motion of its frames as it has to be, (n, D); NaN where it is free, as all of it is by default.

        Raises:
            MotionError: these are none, or too many frames.
        """
        if not 1 <= len(audio) <= self.window_length:
            raise MotionError(f"{len(audio)} frames do not make a window; give 1 to {self.window_length}")
        generator = self.generator
        if generator is not None and state.generator_state is not None:
            generator.set_state(state.generator_state)
        heard = torch.cat([state.tensors.get("audio", audio.new_zeros(0, audio.shape[1])), audio.float().cpu()])
        known = len(heard) - len(audio)
        poses = self._poses(heard, pose, state.tensors.get("pose"))

        noise = sequence_noise(self.denoiser, len(heard), generator, self.device)
        fixed = torch.full_like(noise, torch.nan)
        fixed[0, :known] = state.tensors.get("motion", fixed[0, :0].cpu()).to(fixed)
        if wanted is not None:
            fixed[0, known:] = self.denoiser.space.normalize(wanted.float()).to(fixed)
        motion = sample_imputed(
            self.scheduler,
            continued(self._predictor(heard, poses), fixed, known),
            noise,
            fixed,
            self.num_steps,
            eta=self.eta,
            generator=generator,
            on_step=on_step,
        )
        overlap = self.denoiser.config["overlap"]
        kept = zip(STATE, (motion, heard, poses), strict=True)
        last = {name: last_frames(values, overlap) for name, values in kept}
        generator_state = None if generator is None else generator.get_state()
        return MotionWindow(
            self.denoiser.space.denormalize(motion[known:]), ClipState(state.next_clip + 1, last, generator_state)
        )

    def windows(
        self,
        hear: Hear,
        num_frames: int,
        state: ClipState = START,
        turn: Give | None = None,
        want: Give | None = None,
    ) -> Iterator[MotionWindow]:
        """All windows of `num_frames` frames after a state, in order.

        Args:
            hear: gives features of frames; asked for each frame once.
            num_frames: of the whole motion.
            state: where to go on.
            turn: gives poses of frames; as predicted by default.
            want: gives motion of frames as it has to be, NaN where it is free, as all of it is by default.
        """
        plan = plan_windows(num_frames, self.window_length, self.denoiser.config["overlap"])
        for window in islice(plan, state.next_clip, None):
            frames = (window.start, window.start + window.frames)
            pose, wanted = (None if give is None else give(*frames) for give in (turn, want))
            made = self.window(hear(*frames), state, pose, wanted=wanted)
            state = made.state
            yield made

    def _poses(self, heard: Tensor, pose: Tensor | None, before: Tensor | None) -> Tensor:
        """Normalized poses of all frames that are heard, (n, 3): known ones stay as they were."""
        predictor = self.pose_predictor
        if pose is None:
            poses = predictor(heard[None].to(self.device, predictor.dtype))[0].float().cpu()
        else:
            poses = predictor.space.normalize(pose.float().cpu())
        return poses if before is None else torch.cat([before, poses[-(len(heard) - len(before)) :]])

    def _predictor(self, heard: Tensor, poses: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """What the model says of a noisy sequence at a timestep, guided."""
        rows = guidance_rows({AUDIO: self.audio_guidance_scale})
        weights = torch.tensor(list(rows.values()), device=self.device)
        has_speech = torch.tensor([dropped != AUDIO for dropped in rows], device=self.device)

        def repeated(values: Tensor) -> Tensor:
            return values.to(self.device, self.denoiser.dtype).expand(len(rows), *values.shape)

        speech = self.speech_encoder(repeated(heard), repeated(poses), has_speech)
        nobody = torch.zeros(len(self.denoiser.space))
        reference = repeated(nobody if self.reference is None else self.reference)
        has_reference = torch.full((len(rows),), self.reference is not None, device=self.device)

        def predict(noisy: Tensor, timestep: Tensor) -> Tensor:
            steps = timestep.to(noisy.device).expand(len(rows))
            sequence = noisy.to(self.denoiser.dtype).expand(len(rows), -1, -1)
            return guided(self.denoiser(sequence, steps, speech, reference, has_reference), weights)

        return predict


def continued(
    predict: Callable[[Tensor, Tensor], Tensor], fixed: Tensor, known: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """What a model predicts of a sequence, whose new frames are bent to the end of the known ones. Early steps, which
    decide where a sequence goes, see too little of what is imputed as noisy as all else.

    Args:
        predict: of a noisy sequence (1, N, D) at a timestep the clean one.
        fixed: (1, N, D), of which the first frames are known.
        known: how many; with none, nothing changes.

    Returns:
        A function of the same form; known frames are as they were predicted.
    """
    if not known:
        return predict
    bent = min(FADE, fixed.shape[1] - known)

    def led(noisy: Tensor, timestep: Tensor) -> Tensor:
        found = predict(noisy, timestep)
        return torch.cat([found[:, :known], bend_to(found[:, known:], fixed[:, :known], bent)], 1)

    return led
