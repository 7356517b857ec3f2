"""What pipelines that generate motion share: a motion of a sound, pictures of a motion, and both at once."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Any, ClassVar, Generic

import numpy as np
import torch
from torch import Tensor

from emo.errors import MotionError, OptionError
from emo.face import Portrait
from emo.generation.clip import Clip, ClipState
from emo.generation.idling import Idling
from emo.generation.inputs import AudioInput, ImageInput, open_portrait
from emo.generation.origin import begin_origin
from emo.generation.output import VideoOutput
from emo.generation.run import CALLBACK_TENSORS, Run
from emo.generation.sizes import EVEN, choose_sizes
from emo.generation.stream import Stream
from emo.media import AudioTrack, Chunk, as_fps
from emo.motion import CONTROLS, MotionSpace, MotionTrack
from emo.motion.surroundings import Surroundings, draw_surrounded
from emo.motion.timing import Playback, Retiming
from emo.pipelines.motion_call import MotionRequest, OptionsT, named_options, rendered, take_run, told_options
from emo.pipelines.motion_driving import DrivenMotion
from emo.pipelines.motion_dubbing import DubbedVideo
from emo.pipelines.motion_generation import GeneratedMotion
from emo.pipelines.motion_live import LiveMotion
from emo.pipelines.motion_pose import POSE, pose_columns
from emo.pipelines.motion_window import MotionWindow
from emo.store import SavedFormat

DRAWN = "drawn_motion"  # in states: the last window of motion, (n, D), after whose end the next frames may begin
AROUND = "frames_around"  # in those of animators with a reach: frames that the next ones are drawn by, or that wait


@dataclass
class MotionPipelineOutput(VideoOutput):
    """A generated video, as pipelines of motion return it; see `VideoOutput`. Latents are its motion, (T, D)."""


class MotionPipeline(GeneratedMotion, LiveMotion, DrivenMotion, DubbedVideo, SavedFormat, Generic[OptionsT]):
    """Base of pipelines from sound to motion to pictures.

    A system adds `options_class`, `default_steps`, `denoiser` and `window_maker`, an `animator`, and as components an
    `audio_encoder`, a `feature_extractor` and a `scheduler`. Where its poses are no part of its motion, it has ways of
    its own with those that are given: `given_pose` and `posed`.
    """

    options_class: ClassVar[type[Any]]
    _callback_tensor_inputs = CALLBACK_TENSORS
    animator: Any
    denoiser: Any
    feature_extractor: Any
    scheduler: Any

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "options_class" in vars(cls):
            cls.__call__ = named_options(cls.__call__, cls.options_class)
            cls.stream = named_options(cls.stream, cls.options_class)

    @property
    @abstractmethod
    def motion_fps(self) -> Fraction:
        """Rate of the motion that is generated."""

    @property
    @abstractmethod
    def window_length(self) -> int:
        """W, the frames of a window."""

    @property
    def default_size(self) -> int:
        """Height and width in pixels of the pictures that are generated where none are given."""
        return self.animator.default_size

    def __call__(
        self, image: ImageInput, audio: AudioInput, *, return_dict: bool = True, **options: Any
    ) -> MotionPipelineOutput:
        """Generate a whole video: collects what `stream` yields.

        Args:
            image: the portrait: a path, PIL image or array.
            audio: the recording: a path, `(samples, rate)` or an `AudioTrack`.
            return_dict: whether to return a `MotionPipelineOutput`, else the tuple `(frames, fps, audio)`.
            options: of `stream`.

        Raises:
            EmoError: the picture, the sound or an option cannot be used.
        """
        output = MotionPipelineOutput.collect(self.stream(image, audio, **options))
        return output if return_dict else (output.frames, output.fps, output.audio)  # pyright: ignore[reportReturnType]

    def stream(self, image: ImageInput, audio: AudioInput | Iterator[Chunk], **options: Any) -> Stream[OptionsT]:
        """Generate a video window by window, in memory that does not grow with its length.

        Args:
            image: the portrait: a path, PIL image or array.
            audio: the recording: a path, `(samples, rate)` or an `AudioTrack`; of an iterator, which gives chunks of
                a sound that is still being made, a `LiveStream` is made, as by `live`.
            options: those of `options_class`, and `generator`, `output_type`, `callback_on_step_end`,
                `callback_on_step_end_tensor_inputs` and `resume_from`, as of `EMOPipeline.stream`.

        Returns:
            `Stream`, which generates while it is iterated over. All inputs have been checked by then.

        Raises:
            EmoError: the picture, the sound or an option cannot be used.
        """
        if isinstance(audio, Iterator):
            return self.live(image, audio, **options)  # pyright: ignore[reportReturnType] (of an iterator only)
        run = take_run(options)
        return self.open_stream(image, audio, self.options_class.from_values(options), run)

    def generate_motion(self, audio: AudioInput, *, image: ImageInput | None = None, **options: Any) -> MotionTrack:
        """The motion of a recording alone; no picture is drawn.

        Args:
            audio: the recording: a path, `(samples, rate)` or an `AudioTrack`.
            image: the portrait, for models whose motion depends on whose it is.
            options: of `stream`; those of pictures change nothing, but how the portrait is cut.

        Returns:
            At the model's own rate.

        Raises:
            EmoError: the sound or an option cannot be used.
        """
        run, chosen = take_run(options), self.options_class.from_values(options)
        picture = None if image is None else self.portrait(image, chosen).image
        request = self._request(audio, chosen, run, picture)
        return MotionTrack(torch.cat([window.values for window in self._motion(request)]), request.rate, self.space)

    def render(
        self, image: ImageInput, motion: MotionTrack, audio: AudioInput | None = None, **options: Any
    ) -> MotionPipelineOutput:
        """Draw a motion on a portrait.

        Args:
            image: the portrait: a path, PIL image or array.
            motion: of the animator's space; its rate is the video's.
            audio: what is heard; silence by default, as long as the motion.
            options: of `stream`.

        Raises:
            EmoError: the picture, the motion or an option cannot be used.
        """
        return self(image, **rendered(motion, audio, options))

    @property
    def space(self) -> MotionSpace:
        """Of the motion."""
        return self.animator.space

    def open_stream(self, image: ImageInput, audio: AudioInput, options: OptionsT, run: Run) -> Stream[OptionsT]:
        """Check and prepare what `stream` was given; see there."""
        fps = as_fps(options.fps)
        request = self._request(audio, options, run)
        track = request.audio
        return Stream(
            pipeline=self,
            portrait=self.portrait(image, options),
            audio=track,
            fps=fps,
            num_frames=track.num_frames(fps),
            num_clips=math.ceil(request.num_frames / self.window_length),
            options=request.options,
            controls=request.given,
            paste_back=options.paste_back,
            latent_shape=(len(self.space),),
            run=run,
            start=request.start,
            origin=begin_origin(self, told_options(options, request.options), run.generator, track),
        )

    def portrait(self, image: ImageInput, options: OptionsT) -> Portrait:
        """The picture that is animated, cut as options say.

        Raises:
            EmoError: it cannot be used.
        """
        height, width = choose_sizes(options.height, options.width, self.default_size, EVEN).picture
        return open_portrait(image, height, width, None, options.face, regions=False)

    def appearance(self, picture: np.ndarray, options: OptionsT) -> Any:
        """What is drawn of a portrait as it was cut, (H, W, 3) uint8 RGB.

        Raises:
            EmoError: the animator cannot draw it.
        """
        return self.animator.appearance(picture)

    def _request(
        self, audio: AudioInput, options: OptionsT, run: Run, picture: np.ndarray | None = None
    ) -> MotionRequest[OptionsT]:
        """What a motion is made of, checked."""
        options.check(num_inference_steps=(1, self.scheduler.config.num_train_timesteps))
        self.check_idle(options)
        options = self.completed(options)
        track = AudioTrack.open(audio, sampling_rate=self.feature_extractor.sampling_rate)
        rate = self.motion_fps if options.motion is None else options.motion.fps
        frames = track.num_frames(rate)
        return MotionRequest(
            audio=track,
            options=options,
            run=run,
            start=run.start(
                *(self.state_names if options.motion is None else ()),
                DRAWN,
                *((AROUND,) if self.animator.reach and run.output_type != "latent" else ()),
            ),
            rate=rate,
            num_frames=frames,
            given=self._given_motion(options, rate, frames),
            picture=picture,
        )

    state_names: ClassVar[tuple[str, ...]] = ()
    """Of the tensors in a state."""

    def _given_motion(self, options: OptionsT, rate: Fraction, frames: int) -> Mapping[str, Tensor | None]:
        """Motion and pose that are given, (T, D) and (T, columns of the pose), at a motion's rate."""
        motion = None if options.motion is None else self._own(options.motion, "motion")
        pose = None if options.pose is None else self.given_pose(options, rate, frames)
        return {"motion": None if motion is None else motion.fit(frames).values, "pose": pose}

    def given_pose(self, options: OptionsT, rate: Fraction, frames: int) -> Tensor:
        """A pose that is given for so many frames, (frames, columns).

        Raises:
            EmoError: it cannot be taken.
        """
        return pose_columns(options.pose, self.space, rate, frames)

    def posed(self, values: Tensor, pose: Tensor | None) -> Tensor:
        """Motion (n, D) with the pose of its frames that is given, (n, columns)."""
        if pose is None:
            return values
        values = values.clone()
        values[:, self.space.index(POSE)] = pose
        return values

    def _own(self, track: MotionTrack, option: str) -> MotionTrack:
        """A motion in this model's space, of which others may know other statistics.

        Raises:
            MotionError: it has other columns.
        """
        if track.space.names != self.space.names:
            raise MotionError(f"{option}: a motion of another space than this model's", option=option)
        return replace(track, space=self.space)

    @torch.no_grad()
    def _motion(self, request: MotionRequest[OptionsT]) -> Iterator[MotionWindow]:
        """All windows from the start on, generated or cut from a given motion, with the pose that is given."""
        motion, pose, length = request.given["motion"], request.given["pose"], self.window_length
        first = request.start.next_clip * length
        idling = self.idling(request.run, request.start) if request.options.idle else None
        if idling is not None:
            idling.hear_all(request.audio)
        for window in self.windows(request) if motion is None else self._cut(motion, request.start):
            frames = slice(first, first + len(window.values))
            values = window.values if idling is None else idling.blend(window.values, first, request.rate)
            first = frames.stop
            yield replace(window, values=self.posed(values, None if pose is None else pose[frames]))

    def check_idle(self, options: OptionsT) -> None:
        """See that this model's faces can idle, if they are to.

        Raises:
            OptionError: its motion is in no named controls, or is given.
        """
        if options.idle and not self.has_named_controls:
            problem = (
                "idle: this model's motion is in no named controls; leave it out, or take a model such as vasa-mesh"
            )
            raise OptionError(problem, option="idle")
        if options.idle and options.motion is not None:
            raise OptionError("idle does nothing where motion is given; leave one of them out", option="idle")

    @property
    def has_named_controls(self) -> bool:
        """Whether motion is in the space of `CONTROLS`."""
        return self.space.names == CONTROLS.names

    def idling(self, run: Run, start: ClipState) -> Idling:
        """What lets a face idle in one sound's pauses, as the seed of the generator has it that began the video."""
        generator = run.generator_at(start)
        return Idling(self.feature_extractor.sampling_rate, 0 if generator is None else generator.initial_seed())

    def _cut(self, motion: Tensor, start: ClipState) -> Iterator[MotionWindow]:
        """A given motion in windows."""
        for index, values in islice(enumerate(motion.split(self.window_length)), start.next_clip, None):
            yield MotionWindow(values, ClipState(index + 1, {}, start.generator_state))

    def motion_of(self, stream: Stream[OptionsT], states: Iterable[ClipState]) -> MotionTrack:
        """The motion of a stream's frames, at its own rate, from the states of all its clips."""
        given = stream.options.motion
        values = torch.cat([state.tensors[DRAWN] for state in states])
        return MotionTrack(values, self.motion_fps if given is None else given.fps, self.space)

    @torch.no_grad()
    def generate_clips(self, stream: Stream[OptionsT]) -> Iterator[Clip]:
        """A window of motion, and the frames that can be drawn of it, after the other.

        Frames that are drawn by what follows them, by an animator with a reach, come with the next window.
        """
        request = self._request(stream.audio, stream.options, stream.run, stream.portrait.image)
        wanted = stream.run.output_type
        appearance = None if wanted == "latent" else self.appearance(stream.portrait.image, stream.options)
        last = stream.start.tensors.get(DRAWN, torch.zeros(0, len(self.space)))[-1:]
        first = stream.start.next_clip * self.window_length
        playback = Playback(Retiming(request.rate, stream.fps), first, last)
        around = Surroundings(self.animator.reach, stream.start.tensors.get(AROUND))
        for window in self._motion(request):
            ended = playback.first + len(window.values) >= request.num_frames
            frames = playback.frames(window.values, stream.num_frames if ended else None)
            kept = {DRAWN: window.values}
            pictures = frames
            if appearance is not None:
                pictures = draw_surrounded(self.animator, appearance, around.take(frames, ended))
                kept |= {AROUND: around.known} if self.animator.reach else {}
            state = replace(window.state, tensors={**window.state.tensors, **kept})
            yield stream.clip(pictures, state.next_clip - 1, state)
