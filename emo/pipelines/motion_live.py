"""Video of sound that is still being made: frames come a constant time after what they are heard with."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emo.errors import OptionError
from emo.face import Portrait
from emo.generation.clip import Clip, ClipState
from emo.generation.fingerprint import told_fingerprint
from emo.generation.inputs import ImageInput
from emo.generation.origin import begin_origin, complete_origin
from emo.generation.run import Run
from emo.generation.running_features import RunningFeatures, live_features
from emo.media import SAMPLE_RATE, Chunk, LiveSound, as_fps
from emo.motion.surroundings import Surroundings, draw_surrounded
from emo.motion.timing import Playback, Retiming
from emo.pipelines.motion_call import Given, told_options
from emo.pipelines.motion_options import MotionOptions
from emo.pipelines.motion_window import MotionWindow

NextWindow = Callable[[Tensor, ClipState, Given], MotionWindow]
"""Features of frames (n, A), the state before them, what is given of them besides sound -> their motion."""


@dataclass(frozen=True)
class LiveStream:
    """A checked request for a live video; iterating over it takes the sound and yields a clip for every 0.32 s of it.

    Attributes:
        pipeline: of motion; draws the frames.
        portrait: the cropped picture, and the way back into the full one.
        chunks: the sound as it comes; when it ends, so does the video.
        sampling_rate: in Hz, of chunks that come without one.
        fps: of the video.
        next_window: makes motion.
        pose: of the head where it is given, (frames, columns), over and over; or None.
        options: the model's, with its own values where none were given.
        origin: what makes it and how, as far as known before any work.
        run: how it is run.
    """

    pipeline: Any
    portrait: Portrait = field(repr=False)
    chunks: Iterable[Chunk] = field(repr=False)
    sampling_rate: int
    fps: Fraction
    next_window: NextWindow = field(repr=False)
    pose: Tensor | None
    options: MotionOptions
    origin: dict[str, Any]
    run: Run

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the frames."""
        height, width, _ = (self.portrait.picture if self.options.paste_back else self.portrait.image).shape
        return height, width

    def origin_of(self, sound: Iterable[np.ndarray]) -> dict[str, Any]:
        """The record of its video, as `write_video` leaves one.

        Args:
            sound: all samples that were heard, block by block.
        """
        marks = told_fingerprint(self.pipeline, self.portrait, self.options.paste_back, sound)
        return complete_origin(self.origin, marks)

    @torch.no_grad()
    def __iter__(self) -> Iterator[Clip]:
        pipe, rate = self.pipeline, self.pipeline.motion_fps
        sound = LiveSound(pipe.feature_extractor.sampling_rate, self.sampling_rate)
        features = RunningFeatures(sound, pipe.audio_encoder, pipe.feature_extractor, rate)
        playback = Playback(Retiming(rate, self.fps), 0, torch.zeros(0, len(pipe.space)))
        around = Surroundings(pipe.animator.reach, waits=False)
        appearance = pipe.appearance(self.portrait.image, self.options)
        state = self.run.start()
        idling = pipe.idling(self.run, state) if self.options.idle else None
        try:
            for audio in live_features(sound, features, self.chunks):
                given = self._given(playback.first, len(audio))
                made = self.next_window(audio.flatten(1), state, given)
                values, state = made.values, made.state
                if idling is not None:
                    idling.hear(sound.read(idling.heard, features.heard))
                    values = idling.blend(values, playback.first, rate)
                values = pipe.posed(values, given.get("pose"))
                ended = features.num_frames is not None and playback.first + len(values) >= features.num_frames
                frames = playback.frames(values, sound.num_frames(self.fps) if ended else None)
                if len(frames):
                    yield Clip(
                        pictures=draw_surrounded(pipe.animator, appearance, around.take(frames, ended)),
                        output_type=self.run.output_type,
                        paste_into=self.portrait if self.options.paste_back else None,
                        index=state.next_clip - 1,
                        num_clips=None,
                        state=state,
                    )
        finally:
            pipe.maybe_free_model_hooks()

    def _given(self, first: int, count: int) -> Given:
        """What is given of frames from `first` on."""
        return {} if self.pose is None else {"pose": self.pose[torch.arange(first, first + count) % len(self.pose)]}


class LiveMotion:
    """Mixin of `MotionPipeline`: live video."""

    def check_live(self, given: Mapping[str, Any]) -> None:
        """See that options that were given, by name, do something for live sound.

        Raises:
            OptionError: one does not.
        """

    def live(
        self: Any,
        image: ImageInput,
        chunks: Iterable[Chunk],
        *,
        sampling_rate: int = SAMPLE_RATE,
        generator: torch.Generator | None = None,
        output_type: str = "pil",
        **options: Any,
    ) -> LiveStream:
        """Generate a video of sound that is still being made, in memory that does not grow.

        A clip's frames are there as soon as the half second of sound from their beginning on is. Nothing is made up
        where sound is late: the next clip waits. When the chunks end, the frames that are left follow.

        Args:
            image: the portrait: a path, PIL image or array.
            chunks: the sound: arrays (N,) or (channels, N) of any N, float in -1 to 1 or int16, or
                `(samples, rate)`; `emo.media.INTERRUPTION` among them makes silence of what is in no frame yet.
            sampling_rate: in Hz, of chunks that are arrays.
            generator: makes the result repeatable.
            output_type: as of `stream`, but for latents.
            options: of `stream`, but for `live_values` of the model's options.

        Returns:
            `LiveStream`, which takes the sound while it is iterated over. All else has been checked by then.

        Raises:
            EmoError: the picture or an option cannot be used.
        """
        run = Run(generator=generator, output_type=output_type)
        if output_type == "latent":
            raise OptionError("output_type 'latent' is not for live sound", option="output_type")
        always = self.options_class.live_values
        for name, value in always.items():
            if options.get(name, value) != value:
                raise OptionError(f"{name} is not for live sound; leave it out", option=name)
        given = self.options_class.from_values({**options, **always})
        self.check_live({name: getattr(given, name) for name in options})
        self.check_idle(given)
        given.check(num_inference_steps=(1, self.scheduler.config.num_train_timesteps))
        asked = self.completed(given)
        pose, portrait = self._pose(asked), self.portrait(image, asked)
        return LiveStream(
            pipeline=self,
            portrait=portrait,
            chunks=chunks,
            sampling_rate=sampling_rate,
            fps=as_fps(asked.fps),
            next_window=self.next_window(asked, generator, portrait.image),
            pose=pose,
            options=asked,
            origin=begin_origin(self, told_options(given, asked), generator),
            run=run,
        )

    def _pose(self: Any, options: Any) -> Tensor | None:
        """A pose that is given, so many frames of it as come again."""
        period = max(1, 2 * (len(options.pose.resample(self.motion_fps)) - 1)) if hasattr(options.pose, "fps") else 1
        given: Mapping[str, Tensor | None] = self._given_motion(options, self.motion_fps, period)
        return given["pose"]
