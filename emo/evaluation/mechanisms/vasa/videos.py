"""VASA-1's videos: a motion that is generated, read, or mixed of both, drawn on a portrait; and true ones beside."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from emo.data.synthetic.motion.emotion import emotion_offset
from emo.data.synthetic.speech import SAMPLE_RATE
from emo.evaluation.mechanisms.family import Video
from emo.evaluation.mechanisms.generator import FPS, Generator
from emo.evaluation.mechanisms.vasa.plan import VASAClip
from emo.generation.inputs import open_portrait
from emo.motion import FaceControls, MotionSpace, MotionTrack
from emo.motion.reading import ANGLES
from emo.pipelines import VASAPipeline

AT_REST = (0.0, 0.0, 0.0)


class VideoMaker:
    """Makes VASA-1's videos.

    Args:
        generator: has the people, the models and the noise.
    """

    def __init__(self, generator: Generator):
        self._generator = generator
        self._read = lru_cache(1)(self._read_clip)

    def __call__(self, clip: VASAClip) -> Video:
        """One of them."""
        return self._true(clip) if clip.truth else self._generated(clip)

    def _true(self, clip: VASAClip) -> Video:
        held_out = self._generator.held_out
        controls = held_out.controls(clip.heard, clip.seconds)
        track = as_asked(controls.track(FPS), clip)
        return Video(held_out.draw(clip.person, FaceControls.from_track(track)), _angles(track))

    def _generated(self, clip: VASAClip) -> Video:
        generator, size = self._generator, self._generator.size
        picture = generator.picture(clip)
        if clip.still == "all":
            portrait = open_portrait(picture, size, size, None, None, regions=False)
            return Video(np.stack([portrait.image] * round(clip.seconds * FPS)))
        pipe: Any = generator.pipe(clip.model)
        sound = (generator.voice(clip).waveform, SAMPLE_RATE)
        options = {**generator.settings.options, **clip.options}
        if clip.still == "pose":
            options["pose"] = AT_REST
        with previous_frames(pipe, clip.previous):
            # One voice is one noise, so that all that a voice is asked for can be compared.
            track = pipe.generate_motion(sound, **options, generator=generator.noise(f"voice {clip.heard}"))
        track = track.resample(FPS)
        if clip.still == "dynamics":
            track = with_still_dynamics(track)
        if clip.driver is not None:
            read = MotionTrack(self._read(clip.driver, clip.seconds), FPS, track.space).fit(len(track))
            track = track.with_parts(read, *_parts(track.space)[clip.driven])
        output = pipe.render(picture, track, sound, height=size, width=size, output_type="uint8")
        return Video(output.frames, _angles(track))

    def _read_clip(self, person: int, seconds: float) -> torch.Tensor:
        """What the animator reads of a person's true clip, (T, D)."""
        frames = self._generator.held_out.clip(person, seconds)
        return self._generator.pipe().animator.motion(list(frames))


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
    for name, value in zip(("gaze_x", "gaze_y"), asked.get("gaze", (0.0, 0.0)), strict=True):
        looks = _column(track, name)
        track = track.set(**{name: (looks - looks.median() + value).clamp(-1, 1)})
    if "distance" in asked:
        size = _column(track, "scale")
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


def _column(track: MotionTrack, name: str) -> torch.Tensor:
    """(T,)."""
    return track.values[:, track.space.index(name)[0]]


def _parts(space: MotionSpace) -> dict[str, tuple[str, ...]]:
    """Columns of the pose, of all else, and of both."""
    pose = tuple(space.parts["pose"])
    return {"pose": pose, "dynamics": tuple(n for n in space.names if n not in pose), "all": space.names}


def _angles(track: MotionTrack) -> np.ndarray:
    """(T, 3) in degrees."""
    return track.values[:, track.space.index(*ANGLES)].numpy().astype(np.float64)
