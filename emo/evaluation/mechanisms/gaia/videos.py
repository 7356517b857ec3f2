"""GAIA's videos: a motion that is generated, read of a true clip, or followed in part; and true ones beside."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from emo.evaluation.mechanisms.family import Video
from emo.evaluation.mechanisms.gaia.plan import GAIAClip
from emo.evaluation.mechanisms.generator import FPS, Generator
from emo.evaluation.mechanisms.motion_videos import angles_of, drawn_video, sound_of, still_portrait, true_video
from emo.face import track_face
from emo.generation.clip import ClipState
from emo.motion import MotionTrack
from emo.motion.framed_landmarks import framed_points
from emo.motion.gaia import encode_landmarks
from emo.motion.gaia.landmark_space import landmark_space, landmark_values
from emo.motion.pictures import drawn_frames, picture_batch
from emo.motion.reading import ANGLES
from emo.pipelines import GAIAPipeline
from emo.pipelines.gaia_landmarks import wanted_landmarks
from emo.pipelines.gaia_motion import STATE
from emo.pipelines.gaia_options import WANTED
from emo.pipelines.motion_pipeline import DRAWN
from emo.unets.warp import resize

MOUTH = ("jaw", "width", "rounding", "smile")
"""What is not wanted of a clip whose landmarks are followed in part."""


class VideoMaker:
    """Makes GAIA's videos.

    Args:
        generator: has the people, the models and the noise.
    """

    def __init__(self, generator: Generator):
        self._generator = generator
        self._seen = lru_cache(2)(self._landmarks)

    def __call__(self, clip: GAIAClip) -> Video:
        """One of them."""
        if clip.truth:
            return self._true(clip)
        if clip.still == "all":
            return still_portrait(self._generator, clip)
        track, pose = self._followed(clip) if clip.follows and clip.whole else self._generated(clip)
        return replace(drawn_video(self._generator, clip, self.picture(clip), track), pose=pose)

    def true_motion(self, clip: GAIAClip) -> MotionTrack:
        """What a synthetic person does, as a clip asks for it."""
        generator, frames = self._generator, round(clip.seconds * FPS)
        if clip.told is not None:
            return generator.held_out.obeying(clip.person, clip.seconds, clip.told or None).track(FPS)
        if clip.still == "all":
            return MotionTrack.rest(frames, FPS)
        if clip.closed:
            return MotionTrack.rest(frames, FPS).set(blink=1.0)
        track = self._acts(clip.heard, clip)
        if clip.follows:
            told = self._acts(clip.follows[1], clip)
            track = told if clip.whole else told.with_parts(track, *MOUTH)
        pose = self.given_pose(clip)
        if isinstance(pose, MotionTrack):
            track = track.with_parts(pose, "pose")
        elif pose is not None:
            track = track.with_parts(held(pose, len(track)), "pose")
        return track

    def given_pose(self, clip: GAIAClip) -> MotionTrack | tuple[float, float, float] | None:
        """The pose that a clip is generated with, if it is given one."""
        return clip.options.get("pose") if clip.turns is None else self._acts(clip.turns, clip)

    def picture(self, clip: GAIAClip) -> Any:
        """The portrait that is animated."""
        if not clip.closed:
            return self._generator.picture(clip)
        return self._generator.held_out.portrait(clip.person, shut=True)

    def call(self, clip: GAIAClip) -> dict[str, Any]:
        """Options of the pipeline's call that make a clip's motion."""
        generator = self._generator
        # One voice is one noise, so that all that a voice is asked for can be compared.
        name = f"voice {clip.heard}" + (f" {clip.seed}" if clip.seed else "")
        options = {**generator.settings.options, **clip.options, "generator": generator.noise(name)}
        if (pose := self.given_pose(clip)) is not None:
            options["pose"] = pose
        if clip.follows and not clip.whole:
            points = landmark_values(self._seen(*clip.follows, clip.seconds))
            options["landmarks"] = MotionTrack(points, FPS, landmark_space())
        return options

    def _true(self, clip: GAIAClip) -> Video:
        video = true_video(self._generator, clip, self.true_motion(clip))
        if not clip.small:
            return video
        height, width = video.frames.shape[1:3]
        pictures = picture_batch(list(video.frames), torch.empty(0), "a picture")
        return replace(video, frames=drawn_frames(resize(resize(pictures, clip.small, clip.small), height, width)))

    def _followed(self, clip: GAIAClip) -> tuple[MotionTrack, np.ndarray]:
        """All that a true clip does, as E_M has it, and its poses."""
        assert clip.follows is not None
        pipe = self._generator.pipe()
        values = encode_landmarks(pipe.vae, self._seen(*clip.follows, clip.seconds))
        return MotionTrack(values, FPS, pipe.space), angles_of(self._acts(clip.follows[1], clip))

    def _generated(self, clip: GAIAClip) -> tuple[MotionTrack, np.ndarray]:
        """A motion of a sound or a sentence, and the poses that it was made with."""
        pipe: Any = self._generator.pipe(clip.model)
        sound, options = sound_of(self._generator, clip), {"image": self.picture(clip), **self.call(clip)}
        if not clip.known:
            values = forgetful(pipe, sound, options)
            return MotionTrack(values, pipe.motion_fps, pipe.space).resample(FPS), np.zeros((0, len(ANGLES)))
        with predicted_poses(pipe) as predicted:
            track = pipe.generate_motion(sound, **options)
        pose = self.given_pose(clip)
        if pose is None:
            space = pipe.pose_predictor.space
            angles = space.denormalize(new_frames(predicted, len(track), pipe.window_length))
            pose = MotionTrack(angles, pipe.motion_fps, space)
        elif not isinstance(pose, MotionTrack):
            pose = held(pose, len(track))
        track = track.resample(FPS)
        return track, angles_of(pose.resample(FPS).fit(len(track)))

    def _landmarks(self, person: int, voice: int, seconds: float) -> np.ndarray:
        """Of a person who does what goes with a voice, framed as a portrait is, (T, 478, 2) as shares of its sides."""
        held_out = self._generator.held_out
        frames = held_out.draw(person, held_out.controls(voice, seconds))
        height, width = frames.shape[1:3]
        return framed_points(track_face(frames).landmarks, (height, width))

    def _acts(self, person: int, clip: GAIAClip) -> MotionTrack:
        """What a person does in truth while they speak."""
        return self._generator.held_out.controls(person, clip.seconds).track(FPS)


def wanted_error(generator: Generator, clip: GAIAClip) -> float:
    """How far coordinates that are generated lie from those that are wanted in a clip's last sequence: the farthest,
    in shares of a picture's side."""
    maker, pipe = VideoMaker(generator), generator.pipe(clip.model)
    call = maker.call(clip)
    sound = sound_of(generator, clip)
    stream = pipe.stream(maker.picture(clip), sound, **call, output_type="latent")
    made = [each.state.tensors["motion"] for each in stream][-1]
    frames = stream.audio.num_frames(pipe.motion_fps)
    space = pipe.landmark_denoiser.space
    wanted = wanted_landmarks(call["landmarks"], WANTED, space, pipe.motion_fps, frames)[-len(made) :]
    return float((space.denormalize(made) - wanted).abs().nan_to_num(0.0).max())


def held(pose: tuple[float, float, float], frames: int) -> MotionTrack:
    """A head that is held still."""
    return MotionTrack.rest(frames, FPS).set(**dict(zip(ANGLES, pose, strict=True)))


@contextmanager
def predicted_poses(pipe: GAIAPipeline) -> Iterator[list[torch.Tensor]]:
    """Normalized poses (n, 3) that P predicts of each sequence, known frames among them, as it does so."""
    made: list[torch.Tensor] = []
    network: Any = pipe.pose_predictor
    hook = network.register_forward_hook(lambda network, inputs, poses: made.append(poses[0].float().cpu()))
    try:
        yield made
    finally:
        hook.remove()


def new_frames(sequences: list[torch.Tensor], count: int, window: int) -> torch.Tensor:
    """Of sequences those frames that are new in each, (count, D)."""
    news = [min(window, count - start) for start in range(0, count, window)]
    return torch.cat([sequence[-new:] for sequence, new in zip(sequences, news, strict=True)])


def forgetful(pipe: GAIAPipeline, sound: Any, options: dict[str, Any]) -> torch.Tensor:
    """A motion (T, D) whose windows are each made as the first is: with a state that remembers nothing."""
    widths = {"motion": len(pipe.space), "audio": pipe.pose_predictor.config["audio_dim"], "pose": 3}
    nothing = {name: torch.zeros(0, widths[name]) for name in STATE} | {DRAWN: torch.zeros(0, len(pipe.space))}
    made = [pipe.generate_motion(sound, **options).values]
    for number in range(1, math.ceil(len(made[0]) / pipe.window_length)):
        start = ClipState(number, nothing, options["generator"].get_state())
        made.append(pipe.generate_motion(sound, **options, resume_from=start).values)
    return torch.cat([values[: pipe.window_length] for values in made])
