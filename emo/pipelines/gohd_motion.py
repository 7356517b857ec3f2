"""Sound becomes a whole face's motion, window by window (GoHD, 3): poses, where eyes look, lips, lids and brows."""

from dataclasses import dataclass

import torch
from torch import Tensor

from emo.errors import MotionError
from emo.generation.clip import ClipState
from emo.generation.sampling import OnStep
from emo.motion import MotionSpace
from emo.motion.gohd import EXPRESSION, GAZE, POSE, EyeMotionGenerator, LipMapper
from emo.pipelines.gohd_poses import PoseSampler
from emo.pipelines.imputed_sampling import last_frames
from emo.pipelines.motion_window import MotionWindow

STATE = ("audio", "pose", "gaze", "hidden", "cell")
"""What a state holds: of up to the last O frames sound (n, A), poses (n, 6) and directions of the eyes (n, 2); and the
memory of the eyes' LSTM, (layers, width) each."""

START = ClipState(0, {}, None)
"""Before the first window."""


@dataclass(frozen=True)
class ExpressionSampler:
    """Makes expressions: what eyes do first, and the rest to it (eq. 8).

    Attributes:
        lip_mapper: E_map, with Phi_a.
        eye_generator: G_lstm.
        device: where the models work.
    """

    lip_mapper: LipMapper
    eye_generator: EyeMotionGenerator
    device: torch.device

    @torch.no_grad()
    def expressions(
        self,
        audio: Tensor,
        memory: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Of frames after others.

        Args:
            audio: features, (n, A).
            memory: after the frames before, (layers, width) each.
            generator: of z; torch's own by default.

        Returns:
            Values (n, E), and the memory after them. A face begins at rest.
        """
        mapper, eyes = self.lip_mapper, self.eye_generator
        drawn_on = torch.device("cpu") if generator is None else generator.device
        noise = torch.randn((1, len(audio), eyes.config["noise_dim"]), generator=generator, device=drawn_on)
        first = mapper.space.normalize(mapper.space.rest)[None].to(self.device, mapper.dtype)
        embedding = mapper.embed(audio[None].to(self.device, mapper.dtype))
        before = None if memory is None else tuple(each[:, None].to(self.device, eyes.dtype) for each in memory)
        does, after = eyes(embedding, first, first[:, mapper.eyes], noise.to(embedding), before)
        made = mapper(embedding, first, does)[0].float().cpu()
        return mapper.space.denormalize(made), (after[0][:, 0].float().cpu(), after[1][:, 0].float().cpu())


@dataclass(frozen=True)
class MotionMaker:
    """Makes windows of one motion.

    Attributes:
        space: of the motion.
        poses: makes poses.
        looks: makes where eyes look, in windows of the poses' length.
        expressions: makes expressions.
        gaze: where they look instead, if it is given: x and y as controls have them.
        strength: lambda, by which all that is generated is moved from rest (Fig. 8).
        generator: of the noise; torch's own by default.
    """

    space: MotionSpace
    poses: PoseSampler
    looks: PoseSampler
    expressions: ExpressionSampler
    gaze: tuple[float, float] | None = None
    strength: float = 1.0
    generator: torch.Generator | None = None

    @torch.no_grad()
    def window(self, audio: Tensor, state: ClipState = START, on_step: OnStep | None = None) -> MotionWindow:
        """The next window.

        Args:
            audio: features of its frames, (n, A), n from 1 to a window's; below that it is the last one, or live.
            state: after the window before; its tensors are those of `STATE`, where there was one.
            on_step: called after each step of the poses.

        Raises:
            MotionError: these are none, or too many frames.
        """
        denoiser = self.poses.denoiser
        if not 1 <= len(audio) <= denoiser.window_length:
            raise MotionError(f"{len(audio)} frames do not make a window; give 1 to {denoiser.window_length}")
        generator = self.generator
        if generator is not None and state.generator_state is not None:
            generator.set_state(state.generator_state)
        before, audio = state.tensors, audio.float().cpu()
        heard = torch.cat([before.get("audio", audio[:0]), audio])
        posed = before.get("pose", torch.zeros(0, len(denoiser.space)))
        pose = torch.cat([posed, self.poses.sequence(heard, posed, generator, on_step)])
        looked = before.get("gaze", torch.zeros(0, 2))
        gaze = torch.cat([looked, self._looks(heard, looked, generator)])
        memory = (before["hidden"], before["cell"]) if "hidden" in before else None
        expression, (hidden, cell) = self.expressions.expressions(audio, memory, generator)

        rest = self.space.rest
        values = rest.repeat(len(audio), 1)
        values[:, self.space.index(*POSE)] = pose[len(posed) :]
        values[:, self.space.index(*EXPRESSION)] = expression
        values[:, self.space.index(*GAZE)] = gaze[len(looked) :]
        values = rest + self.strength * (values - rest)
        if self.gaze is not None:
            values[:, self.space.index(*GAZE)] = torch.tensor(self.gaze)
        overlap = denoiser.config["overlap"]
        last = {name: last_frames(each, overlap) for name, each in zip(STATE, (heard, pose, gaze), strict=False)}
        tensors = {**last, "hidden": hidden, "cell": cell}
        after = ClipState(state.next_clip + 1, tensors, None if generator is None else generator.get_state())
        return MotionWindow(values, after)

    def _looks(self, heard: Tensor, looked: Tensor, generator: torch.Generator | None) -> Tensor:
        """Where the eyes look in new frames, (n, 2)."""
        if self.gaze is None:
            return self.looks.sequence(heard, looked, generator)
        return torch.tensor(self.gaze).repeat(len(heard) - len(looked), 1)
