"""GoHD's videos: a motion that is generated, told in part, or mixed of several people's; and true ones beside."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emo.evaluation.mechanisms.family import Video
from emo.evaluation.mechanisms.generator import FPS, Generator
from emo.evaluation.mechanisms.gohd.plan import MIXED, GoHDClip
from emo.evaluation.mechanisms.motion_videos import (
    AT_REST,
    drawn_video,
    looking,
    read_clip,
    sound_of,
    still_portrait,
    true_video,
)
from emo.motion import FaceControls, MotionTrack
from emo.motion.gohd import EYES
from emo.pipelines import GoHDPipeline

STRENGTH = "motion_strength"


class VideoMaker:
    """Makes GoHD's videos.

    Args:
        generator: has the people, the models and the noise.
    """

    def __init__(self, generator: Generator):
        self._generator = generator
        self._read = lru_cache(len(MIXED))(partial(read_clip, generator))

    def __call__(self, clip: GoHDClip) -> Video:
        """One of them."""
        if clip.truth:
            return true_video(self._generator, clip, self.true_motion(clip))
        if clip.still == "all":
            return still_portrait(self._generator, clip)
        return self._generated(clip)

    def true_motion(self, clip: GoHDClip) -> MotionTrack:
        """What a synthetic person does, as a clip asks for it: a model is asked for no more."""
        frames, asked = round(clip.seconds * FPS), clip.options
        if clip.still == "all":
            return MotionTrack.rest(frames, FPS)
        if clip.turned is not None:
            return turned_head(clip.turned, frames)
        track = looking(self._acts(clip.heard, clip), asked.get("gaze", (0.0, 0.0)))
        if clip.eyes is not None:
            track = track.with_parts(self._acts(clip.eyes, clip), *EYES)
        for part, person in clip.parts.items():
            track = track.with_parts(self._acts(person, clip), *MIXED[part])
        if asked.get("pose") == AT_REST:
            track = track.with_parts(MotionTrack.rest(frames, FPS), "pose")
        rest = track.space.rest
        return MotionTrack(rest + asked.get(STRENGTH, 1.0) * (track.values - rest), FPS)

    def _generated(self, clip: GoHDClip) -> Video:
        generator = self._generator
        pipe: Any = generator.pipe(clip.model)
        options = {**generator.settings.options, **clip.options}
        eyes = None if clip.eyes is None else self._acts(clip.eyes, clip)
        # One voice is one noise, so that all that a voice is asked for can be compared.
        noise = generator.noise(f"voice {clip.heard}" + (f" {clip.seed}" if clip.seed else ""))
        with told_eyes(pipe, eyes):
            track = pipe.generate_motion(sound_of(generator, clip), **options, generator=noise).resample(FPS)
        for part, person in clip.parts.items():
            read = MotionTrack(self._read(person, clip.seconds), FPS, track.space).fit(len(track))
            track = track.with_parts(read, *MIXED[part])
        # Animators of a latent weaken motion as they draw it; others leave one that is given as it is.
        weakened = {STRENGTH: options[STRENGTH]} if STRENGTH in options else {}
        return drawn_video(generator, clip, self._picture(clip), track, **weakened)

    def _picture(self, clip: GoHDClip) -> Any:
        """The portrait that is animated."""
        if clip.turned is None:
            return self._generator.picture(clip)
        controls = FaceControls.from_track(turned_head(clip.turned, 1))
        return self._generator.held_out.draw(clip.person, controls)[0]

    def _acts(self, person: int, clip: GoHDClip) -> MotionTrack:
        """What a person does in truth while they speak."""
        return self._generator.held_out.controls(person, clip.seconds).track(FPS)


def turned_head(turned: tuple[float, float, float], frames: int) -> MotionTrack:
    """A head that is held still at a yaw and a pitch, with its jaw open."""
    yaw, pitch, jaw = turned
    return MotionTrack.rest(frames, FPS).set(yaw=yaw, pitch=pitch, jaw=jaw)


@contextmanager
def told_eyes(pipe: GoHDPipeline, acts: MotionTrack | None) -> Iterator[None]:
    """With lids and brows of a motion in named controls in place of stage 2's, frame by frame; or as they are."""
    if acts is None:
        yield
        return
    mapper: Any = pipe.lip_mapper
    expression = mapper.space.normalize(acts.values[:, acts.space.index(*mapper.space.names)])
    eyes, told = expression[:, mapper.eyes], 0

    def tell(network: Any, inputs: Any, made: tuple[Tensor, Any]) -> tuple[Tensor, Any]:
        nonlocal told
        places = np.arange(told, told + made[0].shape[1]).clip(max=len(eyes) - 1)
        told += len(places)
        return eyes[torch.from_numpy(places)][None].to(made[0]), made[1]

    hook = pipe.eye_generator.register_forward_hook(tell)
    try:
        yield
    finally:
        hook.remove()
