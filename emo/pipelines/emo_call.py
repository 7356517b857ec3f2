"""What a user calls of the EMO pipeline: `stream` and `__call__`, with every option of `EMOOptions` by name."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from emo.face import Region
from emo.generation.clip import ClipState
from emo.generation.inputs import AudioInput, ImageInput
from emo.generation.output import VideoOutput, collect_frames
from emo.generation.run import Run
from emo.generation.stream import Stream
from emo.pipelines.emo_options import EMOOptions


@dataclass
class EMOPipelineOutput(VideoOutput):
    """A generated video, as `EMOPipeline` returns it; see `VideoOutput`."""


class EMOCall(ABC):
    """Mixin of `EMOPipeline`: takes options by name, and hands them on as `EMOOptions` and `Run`."""

    def __call__(
        self,
        image: ImageInput,
        audio: AudioInput,
        *,
        height: int | None = None,
        width: int | None = None,
        fps: float | str | Fraction = 25,
        num_inference_steps: int | None = None,
        audio_guidance_scale: float | None = None,
        reference_guidance_scale: float | None = None,
        guidance_every: int = 1,
        cache_interval: int = 1,
        noise_correlation: float | None = None,
        strength: float | None = None,
        noise_mirroring: float = 0.9,
        eta: float = 0.0,
        face_region: Region | None = None,
        face: int | None = None,
        speed: float | Sequence[float] | np.ndarray | torch.Tensor | None = None,
        paste_back: bool = False,
        generator: torch.Generator | None = None,
        output_type: str = "pil",
        callback_on_step_end: Callable[..., dict[str, Any] | None] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        resume_from: ClipState | None = None,
        return_dict: bool = True,
    ) -> EMOPipelineOutput:
        """Generate a whole video: collects what `stream` yields.

        Args:
            image: the portrait: a path, PIL image or array.
            audio: the recording: a path, `(samples, rate)` or an `AudioTrack`.
            height, width, fps, num_inference_steps, audio_guidance_scale, reference_guidance_scale, guidance_every,
                cache_interval, noise_correlation, strength, noise_mirroring, eta, face_region, face, speed,
                paste_back: as in `stream`.
            generator, output_type, callback_on_step_end, callback_on_step_end_tensor_inputs: as in `stream`.
            resume_from: continue after the clip that yielded this state, with the same inputs and options: the frames
                are those of the clips that are left, none after the last.
            return_dict: whether to return an `EMOPipelineOutput`.

        Returns:
            `EMOPipelineOutput`, or the tuple `(frames, fps, audio)` if `return_dict` is false.

        Raises:
            EmoError: the picture, the sound or an option cannot be used.
        """
        stream = self.stream(
            image,
            audio,
            height=height,
            width=width,
            fps=fps,
            num_inference_steps=num_inference_steps,
            audio_guidance_scale=audio_guidance_scale,
            reference_guidance_scale=reference_guidance_scale,
            guidance_every=guidance_every,
            cache_interval=cache_interval,
            noise_correlation=noise_correlation,
            strength=strength,
            noise_mirroring=noise_mirroring,
            eta=eta,
            face_region=face_region,
            face=face,
            speed=speed,
            paste_back=paste_back,
            generator=generator,
            output_type=output_type,
            callback_on_step_end=callback_on_step_end,
            callback_on_step_end_tensor_inputs=callback_on_step_end_tensor_inputs,
            resume_from=resume_from,
        )
        if return_dict:
            return EMOPipelineOutput.collect(stream)
        # A tuple where it is asked for, as in diffusers; few ask, and all others would have to tell the two apart.
        return collect_frames(stream), stream.fps, stream.audio  # pyright: ignore[reportReturnType]

    def stream(
        self,
        image: ImageInput,
        audio: AudioInput,
        *,
        height: int | None = None,
        width: int | None = None,
        fps: float | str | Fraction = 25,
        num_inference_steps: int | None = None,
        audio_guidance_scale: float | None = None,
        reference_guidance_scale: float | None = None,
        guidance_every: int = 1,
        cache_interval: int = 1,
        noise_correlation: float | None = None,
        strength: float | None = None,
        noise_mirroring: float = 0.9,
        eta: float = 0.0,
        face_region: Region | None = None,
        face: int | None = None,
        speed: float | Sequence[float] | np.ndarray | torch.Tensor | None = None,
        paste_back: bool = False,
        generator: torch.Generator | None = None,
        output_type: str = "pil",
        callback_on_step_end: Callable[..., dict[str, Any] | None] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        resume_from: ClipState | None = None,
    ) -> Stream[EMOOptions]:
        """Generate a video clip by clip, in memory that does not grow with its length.

        Args:
            image: the portrait: a path, PIL image or array.
            audio: the recording: a path, `(samples, rate)` or an `AudioTrack`.
            height, width: size of the generated picture in pixels; the model's own size by default.
            fps: frames per second.
            num_inference_steps: denoising steps per clip; None for what the backbone's config says, which is 40, as in
                the paper (4.1), unless the model was distilled for fewer.
            audio_guidance_scale, reference_guidance_scale: weights w of the guided conditions in
                pred = c + Σ (w − 1) (c − c without it); None for what the backbone's config says. A weight of 1 costs
                no time, nor does one of which a distilled backbone is told (`guidance_embeds`).
            guidance_every: N, where the guidance (pred − c) is computed in every N-th step and kept between; 1 is all.
            cache_interval: N, where the backbone's layers are computed in every N-th step and between forecast from
                the last two (TaylorSeer), but for the first steps; 1 is all.
            noise_correlation: of the noise of neighboring frames, 0 to 1; None for what the backbone's config says.
                0 is the paper's, independent from frame to frame.
            strength: share of the noise schedule that is used: clips start from the portrait's latents with the noise
                of just that time, and so many of the steps, to the nearest, lead evenly from there. None for what the
                backbone's config says; 1 is the paper's, noise alone; less moves less.
            noise_mirroring: share of each clip's noise, in variance, that is the noise of the clip before in reverse,
                0 to 1, for smoother joins; 0 is the paper's fresh noise for every clip.
            eta: η of DDIM; must be 0 for schedulers that have none.
            face_region: where the face may move (3.2.5, Fig. 7): None for the portrait's face box enlarged by 1.3,
                `"full"` for anywhere, a box `(x0, y0, x1, y1)` in the portrait's pixels, or a mask of its size.
            face: which face of several, counted from the left; the largest by default.
            speed: head rotation in degrees per frame: one number, one per frame, or None for whatever comes.
            paste_back: yield the full picture with the animated crop in its place.
            generator: makes the result repeatable.
            output_type: `"pil"`, `"np"` and `"pt"` (in [0, 1]), `"uint8"` (an array) or `"latent"`.
            callback_on_step_end: called as `callback(pipe, step, timestep, tensors)` after each denoising step, with
                the step counted over all clips; may return changed `tensors`.
            callback_on_step_end_tensor_inputs: which tensors it gets; `"latents"` is all there is.
            resume_from: continue after the clip that yielded this state, with the same inputs and options.

        Returns:
            `Stream`, which generates while it is iterated over. All inputs have been checked by then.

        Raises:
            EmoError: the picture, the sound or an option cannot be used.
        """
        options = EMOOptions(
            height=height,
            width=width,
            fps=fps,
            num_inference_steps=num_inference_steps,
            audio_guidance_scale=audio_guidance_scale,
            reference_guidance_scale=reference_guidance_scale,
            guidance_every=guidance_every,
            cache_interval=cache_interval,
            noise_correlation=noise_correlation,
            strength=strength,
            noise_mirroring=noise_mirroring,
            eta=eta,
            face_region=face_region,
            face=face,
            speed=speed,
            paste_back=paste_back,
        )
        run = Run(
            generator=generator,
            output_type=output_type,
            callback_on_step_end=callback_on_step_end,
            callback_on_step_end_tensor_inputs=callback_on_step_end_tensor_inputs,
            resume_from=resume_from,
        )
        return self.open_stream(image, audio, options, run)

    @abstractmethod
    def open_stream(self, image: ImageInput, audio: AudioInput, options: EMOOptions, run: Run) -> Stream[EMOOptions]:
        """The stream of these inputs, after all checks."""
