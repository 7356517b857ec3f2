"""Videos of motion: what a family asks of a motion is drawn on a portrait, or on the true person."""

from typing import Any

import numpy as np
import torch

from emo.data.synthetic.speech import SAMPLE_RATE
from emo.evaluation.mechanisms.family import Video
from emo.evaluation.mechanisms.generator import FPS, Generator
from emo.evaluation.mechanisms.subjects import MotionClip
from emo.generation.inputs import open_portrait
from emo.motion import CONTROLS, FaceControls, MotionTrack
from emo.motion.reading import ANGLES

AT_REST = (0.0, 0.0, 0.0)


def still_portrait(generator: Generator, clip: MotionClip) -> Video:
    """A portrait as it is."""
    size = generator.size
    portrait = open_portrait(generator.picture(clip), size, size, None, None, regions=False)
    return Video(np.stack([portrait.image] * round(clip.seconds * FPS)))


def true_video(generator: Generator, clip: MotionClip, track: MotionTrack) -> Video:
    """The person of a clip who does so, in named controls."""
    frames = generator.held_out.draw(clip.person, FaceControls.from_track(track))
    return Video(frames, angles_of(track), controls_of(track))


def drawn_video(generator: Generator, clip: MotionClip, picture: Any, track: MotionTrack, **options: Any) -> Video:
    """A portrait that does so, drawn by the clip's model; options are the pipeline's."""
    size = generator.size
    output = generator.pipe(clip.model).render(
        picture, track, sound_of(generator, clip), height=size, width=size, output_type="uint8", **options
    )
    return Video(output.frames, angles_of(track), controls_of(track))


def sound_of(generator: Generator, clip: MotionClip) -> tuple[np.ndarray, int]:
    """What is heard in a clip, and at how many samples per second."""
    return generator.voice(clip).waveform, SAMPLE_RATE


def read_clip(generator: Generator, person: int, seconds: float) -> torch.Tensor:
    """What the animator reads of a person's true clip, (T, D)."""
    return generator.pipe().animator.motion(list(generator.held_out.clip(person, seconds)))


def looking(track: MotionTrack, gaze: tuple[float, float]) -> MotionTrack:
    """Eyes that look there for the most part."""
    for name, value in zip(("gaze_x", "gaze_y"), gaze, strict=True):
        looks = column(track, name)
        track = track.set(**{name: (looks - looks.median() + value).clamp(-1, 1)})
    return track


def column(track: MotionTrack, name: str) -> torch.Tensor:
    """(T,)."""
    return track.values[:, track.space.index(name)[0]]


def angles_of(track: MotionTrack) -> np.ndarray:
    """(T, 3) in degrees, if the motion has such columns, else (0, 3)."""
    if not set(ANGLES) <= set(track.space.names):
        return np.zeros((0, len(ANGLES)))
    return track.values[:, track.space.index(*ANGLES)].numpy().astype(np.float64)


def controls_of(track: MotionTrack) -> np.ndarray:
    """(T, 14), if the motion is in named controls, else (0, 14)."""
    named = track.space.names == CONTROLS.names
    return track.values[: None if named else 0, : len(CONTROLS)].numpy().astype(np.float64)
