"""VASA-1's videos: a motion that is generated, read, or mixed of both, drawn on a portrait; and true ones beside."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import torch

from emo.data.synthetic.motion.emotion import emotion_offset
from emo.evaluation.mechanisms.family import Video
from emo.evaluation.mechanisms.generator import FPS, Generator
from emo.evaluation.mechanisms.motion_videos import (
    AT_REST,
    column,
    drawn_video,
    looking,
    read_clip,
    sound_of,
    still_portrait,
    true_video,
)
from emo.evaluation.mechanisms.vasa.plan import VASAClip
from emo.motion import MotionSpace, MotionTrack
from emo.pipelines import VASAPipeline


class VideoMaker:
    """Makes VASA-1's videos.

    Args:
        generator: has the people, the models and the noise.
    """

    def __init__(self, generator: Generator):
        self._generator = generator
        self._read = lru_cache(1)(partial(read_clip, generator))

    def __call__(self, clip: VASAClip) -> Video:
        """One of them."""
        return self._true(clip) if clip.truth else self._generated(clip)

    def _true(self, clip: VASAClip) -> Video:
        controls = self._generator.held_out.controls(clip.heard, clip.seconds)
        return true_video(self._generator, clip, as_asked(controls.track(FPS), clip))

    def _generated(self, clip: VASAClip) -> Video:
        generator = self._generator
        if clip.still == "all":
            return still_portrait(generator, clip)
        pipe: Any = generator.pipe(clip.model)
        options = {**generator.settings.options, **clip.options}
        if clip.still == "pose":
            options["pose"] = AT_REST
        with previous_frames(pipe, clip.previous):
            # One voice is one noise, so that all that a voice is asked for can be compared.
            track = pipe.generate_motion(
                sound_of(generator, clip), **options, generator=generator.noise(f"voice {clip.heard}")
            )
        track = track.resample(FPS)
        if clip.still == "dynamics":
            track = with_still_dynamics(track)
        if clip.driver is not None:
            read = MotionTrack(self._read(clip.driver, clip.seconds), FPS, track.space).fit(len(track))
            track = track.with_parts(read, *_parts(track.space)[clip.driven])
        return drawn_video(generator, clip, generator.picture(clip), track)


@contextmanager
def previous_frames(pipe: VASAPipeline, wanted: bool) -> Iterator[None]:
    """With, or without, what a window sees of the one before: dropped, as before the first window."""

    def forget(network: Any, inputs: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        kept = named["kept"]
        return inputs, {**named, "kept": {**kept, "previous": torch.zeros_like(kept["previous"])}}

    hook = None if wanted else pipe.denoiser.register_forward_pre_hook(forget, with_kwargs=True)
    try:
        yield
    finally:
        if hook is not None:
            hook.remove()


def as_asked(track: MotionTrack, clip: VASAClip) -> MotionTrack:
    """What a synthetic person does, as a clip asks for it: a model is asked for no more."""
    frames = len(track)
    if clip.still == "all":
        return MotionTrack.rest(frames, FPS)
    asked = clip.options
    track = looking(track, asked.get("gaze", (0.0, 0.0)))
    if "distance" in asked:
        size = column(track, "scale")
        track = track.set(scale=size / size.median() / asked["distance"])
    for emotion, strength in asked.get("emotion", {}).items():
        offset = emotion_offset(emotion, strength)
        track = track.offset(smile=offset.smile, brow=offset.brow)
    if clip.still == "pose":
        return track.with_parts(MotionTrack.rest(frames, FPS), "pose")
    return with_still_dynamics(track) if clip.still == "dynamics" else track


def with_still_dynamics(track: MotionTrack) -> MotionTrack:
    """All but the pose as in the first frame."""
    first = replace(track, values=track.values[:1].expand(len(track), -1))
    return track.with_parts(first, *_parts(track.space)["dynamics"])


def _parts(space: MotionSpace) -> dict[str, tuple[str, ...]]:
    """Columns of the pose, of all else, and of both."""
    pose = tuple(space.parts["pose"])
    return {"pose": pose, "dynamics": tuple(n for n in space.names if n not in pose), "all": space.names}
