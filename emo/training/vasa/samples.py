"""Windows of motion and sound, as VASA-1's motion model learns from them (3.2)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.data import ClipInfo, ClipReader
from emo.data.motion_labels import EMOTIONS
from emo.data.sample_batch import SampleBatch
from emo.data.samples.motion_codes import MOTION
from emo.motion import CONTROLS, MotionSpace, Window, cut_window
from emo.motion.vasa import CONDITIONS
from emo.training.clips import clip_audio, clip_controls

NAMED: tuple[str, ...] = EMOTIONS[1:]
"""The emotions; neutral is none of them."""


@dataclass(frozen=True)
class MotionBatch(SampleBatch):
    """B windows of W frames, each after K frames.

    Attributes:
        index: (B,) int64, sample numbers.
        previous: normalized motion (B, K, D) before the windows.
        motion: normalized, (B, W, D).
        audio: features (B, K+W, A).
        gaze: the clip's main direction, (B, 2).
        distance: the clip's, (B, 1).
        emotion: (B, E), strengths of `NAMED`.
        have: (B, conditions) bool, in the order of `CONDITIONS`: what is known of the clips and of before the windows.
        frame_mask: (B, W) bool, frames that there are.
        names: of the clips, for messages.
    """

    previous: Tensor
    motion: Tensor
    audio: Tensor
    gaze: Tensor
    distance: Tensor
    emotion: Tensor
    have: Tensor
    frame_mask: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True)
class MotionLabel:
    """What a whole clip's motion is like, as far as is known; None where nothing is.

    Attributes:
        gaze: main direction of the eyes.
        distance: of the camera.
        emotion: (E,), strengths of `NAMED`.
    """

    gaze: tuple[float, float] | None = None
    distance: float | None = None
    emotion: Tensor | None = None

    @classmethod
    def of(cls, clip: ClipInfo) -> "MotionLabel":
        """From a row of a dataset's table."""
        if (motion := clip.motion) is None:
            return cls()
        x, y, strength = motion.gaze_x, motion.gaze_y, motion.emotion_strength
        gaze = None if x is None or y is None else (x, y)
        emotion = None if strength is None else torch.tensor([strength * (motion.emotion == name) for name in NAMED])
        return cls(gaze, motion.distance, emotion)


def clip_motion(reader: ClipReader, number: int, space: MotionSpace = CONTROLS) -> Tensor:
    """All of a clip's motion (T, D): in the columns of `CONTROLS` its labels, in others' a face model's cached codes.

    Raises:
        DatasetError: the labels are damaged, or do not hold all controls; or there is no such cache.
    """
    if space.names != CONTROLS.names:
        return reader.cached(number, [MOTION])[MOTION]
    return clip_controls(reader, number)


@dataclass(frozen=True)
class WindowSampler:
    """Draws a window anywhere in a clip; see `emo.data.ClipSampler`.

    Attributes:
        space: normalizes the motion.
        window_length: W.
        prefix_length: K; windows that begin before frame K know nothing of before.
        tail: share of the samples in which a random number of the last frames is missing.
    """

    space: MotionSpace
    window_length: int
    prefix_length: int
    tail: float

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator) -> MotionBatch:
        """Sample `index`, of clip `number`."""
        clip = reader.clips[number]
        start = int(rng.integers(max(1, clip.frames - self.window_length + 1)))
        there = min(self.window_length, clip.frames - start)
        fewer, chance = int(rng.integers(1, there + 1)), rng.random()
        frames = fewer if chance < self.tail else there
        window = Window(0, start, self.window_length, frames, min(self.prefix_length, start))
        whole = self.space.normalize(clip_motion(reader, number, self.space))
        motion = cut_window(whole[None], window, self.prefix_length)
        audio = cut_window(clip_audio(reader, number)[None], window, self.prefix_length)
        label = MotionLabel.of(clip)
        have = {
            "audio": True,
            "gaze": label.gaze is not None,
            "distance": label.distance is not None,
            "emotion": label.emotion is not None,
            "previous": window.prefix == self.prefix_length,
        }
        return MotionBatch(
            index=torch.tensor([index]),
            previous=motion.prefix,
            motion=motion.frames,
            audio=torch.cat([audio.prefix, audio.frames], 1),
            gaze=torch.tensor([label.gaze or (0.0, 0.0)]),
            distance=torch.tensor([[label.distance or 0.0]]),
            emotion=torch.zeros(1, len(NAMED)) if label.emotion is None else label.emotion[None],
            have=torch.tensor([[have[name] for name in CONDITIONS]]),
            frame_mask=motion.frame_mask[None],
            names=(f"{clip.split}/{clip.file_name} from frame {start}",),
        )
