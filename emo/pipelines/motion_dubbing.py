"""A video in place of a portrait: its frames stay as they are, but for mouths that follow another sound."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emo.errors import AudioError, EmoWarning, FaceError, MotionError, OptionError
from emo.face import FaceTrack, smooth, track_face
from emo.generation.clip import ClipState
from emo.generation.fingerprint import samples_of, scheduler_fingerprint, source_fingerprint
from emo.generation.frames import finish_frames
from emo.generation.inputs import AudioInput
from emo.generation.origin import begin_origin
from emo.generation.output import VideoOutput
from emo.generation.run import Run
from emo.media import AudioTrack, VideoReader
from emo.motion import MotionTrack
from emo.motion.mesh.redraw import MouthRedraw, MouthShape, spreads_of, teeth_frames
from emo.pipelines.motion_call import take_run, told_options
from emo.pipelines.motion_options import DUB_OPTIONS

CLIP = 25  # frames
MIN_FACE = 32  # pixels of a face's longer side
STEADY = 1.0  # frames over which the readings of the old mouth are smoothed


@dataclass(frozen=True)
class DubClip:
    """Some frames of a dubbed video.

    Attributes:
        pictures: full frames, uint8 (n, H, W, 3).
        output_type: of `frames`.
        index, num_clips: which clip of how many.
        state: where to resume after this clip.
    """

    pictures: np.ndarray = field(repr=False)
    output_type: str
    index: int
    num_clips: int
    state: ClipState

    @property
    def frames(self) -> Any:
        """As in `VideoOutput`, the clip's own."""
        return finish_frames(torch.from_numpy(self.pictures).permute(0, 3, 1, 2), self.output_type, None)

    def each(self) -> Iterator[np.ndarray]:
        """The frames as uint8 (H, W, 3)."""
        return iter(self.pictures)


@dataclass(frozen=True)
class DubStream:
    """A checked request for a dubbed video; iterating over it draws the clips in order, the same each time.

    Attributes:
        pipeline: makes the mouth's motion.
        video: whose frames are taken.
        audio: what is heard, and what the mouth follows.
        face: of the video, in the frames that are needed.
        options: of the motion.
        run: how it is run.
        start: the state before the first clip to draw.
        origin: what makes it and how, as far as known before any work.
    """

    pipeline: Any
    video: Path
    audio: AudioTrack
    face: FaceTrack = field(repr=False)
    fps: Fraction
    frame_size: tuple[int, int]
    options: Any
    run: Run
    start: ClipState
    origin: dict[str, Any]

    @property
    def num_frames(self) -> int:
        """As many as the sound has at the video's rate."""
        return self.audio.num_frames(self.fps)

    @property
    def num_clips(self) -> int:
        """Of CLIP frames each, but the last."""
        return math.ceil(self.num_frames / CLIP)

    def fingerprint(self, seed: int | None) -> dict[str, str]:
        """Name -> value or hash of everything that the frames depend on."""
        kept = self.options.fingerprint()
        return {
            "fps": str(self.fps),
            **{name: kept[name] for name in DUB_OPTIONS if name in kept},
            "seed": str(seed),
            "face": str(self.options.face),
            "scheduler": scheduler_fingerprint(self.pipeline.scheduler),
            **source_fingerprint(self.pipeline, _bytes_of(self.video), samples_of(self.audio)),
        }

    def no_frames(self) -> Any:
        """See `Stream`."""
        return self._clip(np.empty((0, *self.frame_size, 3), np.uint8), self.num_clips - 1).frames

    def __iter__(self) -> Iterator[DubClip]:
        motion = self.mouths()
        landmarks, found = self.face.landmarks, self.face.found
        spreads = smooth(spreads_of(landmarks), STEADY)
        with VideoReader(self.video) as video:
            shown = teeth_frames(landmarks, found)
            redraw = MouthRedraw((video.read([k])[0] for k in shown), landmarks[shown], spreads[found])
            for index in range(self.start.next_clip, self.num_clips):
                numbers = range(index * CLIP, min((index + 1) * CLIP, self.num_frames))
                places = [to_and_fro(number, len(self.face)) for number in numbers]
                frames = dict(zip(sorted(set(places)), video.read(sorted(set(places))), strict=True))
                drawn = [
                    redraw(frames[k], landmarks[k], float(spreads[k]), MouthShape.of(motion[number]))
                    if found[k]
                    else frames[k]
                    for number, k in zip(numbers, places, strict=True)
                ]
                yield self._clip(np.stack(drawn), index)

    def mouths(self) -> np.ndarray:
        """The motion whose mouth is drawn, at the video's rate, (T, 14)."""
        kept = {name: value for name, value in self.options.values().items() if name in DUB_OPTIONS and name != "face"}
        generator = self.run.generator_at(self.start)
        track: MotionTrack = self.pipeline.generate_motion(self.audio, **kept, generator=generator)
        return track.resample(self.fps).fit(self.num_frames).values.numpy()

    def _clip(self, pictures: np.ndarray, index: int) -> DubClip:
        state = ClipState(index + 1, {}, self.start.generator_state)
        return DubClip(pictures, self.run.output_type, index, self.num_clips, state)


class DubbedVideo:
    """Mixin of `MotionPipeline`: other words in a video's mouth."""

    def dub(self: Any, video: str | Path, audio: AudioInput, **options: Any) -> VideoOutput:
        """Let the person in a video say something else; the arguments are those of `stream_dub`."""
        return VideoOutput.collect(self.stream_dub(video, audio, **options))

    def stream_dub(self: Any, video: str | Path, audio: AudioInput, **options: Any) -> DubStream:
        """Draw the mouth in a video's frames anew, as another sound has it.

        All but the lower face stays the video's own, pixel by pixel: head, gaze, blinks, background. The result is as
        long as the sound: a longer video is cut, a shorter one goes back and forth.

        Args:
            video: of a face that is seen from the front, from its first frames on; a path.
            audio: what is heard: a path, `(samples, rate)` or an `AudioTrack`.
            options: `face`, the model's options for motion that change a mouth, and `generator`, `output_type` and
                `resume_from` as of `stream`.

        Returns:
            `DubStream`, which draws while it is iterated over. All inputs have been checked by then.

        Raises:
            MotionError: the model's motion has no mouth in named controls.
            EmoError: the video, the sound or an option cannot be used.
        """
        if not self.has_named_controls:
            raise MotionError(
                "this model's motion has no mouth in named controls, which dubbing draws; take a model that has, "
                "such as vasa-mesh",
                option="model",
            )
        run = take_run(options)
        if run.output_type == "latent":
            raise OptionError("output_type 'latent' is not for dubbing", option="output_type")
        for name in options:
            if name not in DUB_OPTIONS:
                raise OptionError(f"{name} changes no mouth; leave it out", option=name)
        given = self.options_class.from_values(options)
        given.check(num_inference_steps=(1, self.scheduler.config.num_train_timesteps))
        completed = self.completed(given)
        track = AudioTrack.open(audio, sampling_rate=self.feature_extractor.sampling_rate)
        path = Path(video)
        with VideoReader(path) as reader:
            count = track.num_frames(reader.fps)
            if track.duration * reader.fps < 1:
                name = track.path or "the sound"
                raise AudioError(f"{name}: {float(track.duration):.3f} s is less than one frame at {reader.fps} fps")
            face = _followed(reader, min(count, len(reader)), given.face)
            fps, size = reader.fps, (reader.height, reader.width)
        return DubStream(
            pipeline=self,
            video=path,
            audio=track,
            face=face,
            fps=fps,
            frame_size=size,
            options=completed,
            run=run,
            start=run.start(),
            origin=begin_origin(self, told_options(given, completed), run.generator) | {"dubbed": True},
        )


def to_and_fro(number: int, length: int) -> int:
    """The frame that is shown at a number beyond the end, where `length` of them are played back and forth."""
    if length == 1:
        return 0
    place = number % (2 * (length - 1))
    return min(place, 2 * (length - 1) - place)


def _followed(video: VideoReader, count: int, number: int | None) -> FaceTrack:
    """One face through the first frames of a video.

    Raises:
        FaceError: there is none, no such one, or it is too small.
    """
    frames = (video.read([index])[0] for index in range(count))
    face = track_face(frames, name=str(video.path), number=number)
    side = float(np.ptp(face.landmarks[face.found][..., :2], axis=1).max(1).min())
    if side < MIN_FACE:
        problem = f"{video.path}: its face is {side:.0f} pixels large, at least {MIN_FACE} are needed"
        raise FaceError(problem, option="video", remedy="give a larger video")
    if missed := int((~face.found).sum()):
        words = f"{video.path}: no face in {missed} of {count} frames, which stay as they are"
        warnings.warn(EmoWarning(words), stacklevel=4)
    return face


def _bytes_of(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            yield part
