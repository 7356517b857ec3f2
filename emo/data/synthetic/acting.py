"""What is heard and done in a clip, before anybody is drawn."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from emo.data.motion_labels import MotionLabels
from emo.data.synthetic.articulation import Articulation, articulate_recording, articulate_speech, frame_count
from emo.data.synthetic.config import ClipSpec, SyntheticConfig
from emo.data.synthetic.motion.first import make_controls
from emo.data.synthetic.motion.gaze import main_gaze
from emo.data.synthetic.motion.instructions import draw_sentence, obey
from emo.data.synthetic.motion.second import PORTRAIT_SCALES, SCALES, make_motion
from emo.data.synthetic.speech import SAMPLE_RATE, synthesize
from emo.motion.controls import FaceControls

CALM = 0x0BE7  # of the seeds of those who do not speak
ROOM = 3e-4  # standard deviation of a room's noise in which nobody speaks


@dataclass(frozen=True)
class Act:
    """A clip without its pictures.

    Attributes:
        waveform: (N,) float32 at 16 kHz, T = ceil(N * fps / 16000).
        controls: of T frames.
        motion: what holds for the clip; None in the first edition.
    """

    waveform: np.ndarray
    controls: FaceControls
    motion: MotionLabels | None


def act(clip: ClipSpec, config: SyntheticConfig, excerpt: Callable[[ClipSpec, str], np.ndarray]) -> Act:
    """Speak and move as a clip specifies.

    Args:
        clip: the clip.
        config: its length and frame rate, and the edition of its motion.
        excerpt: reads the clip's piece of a recording, given by path, (N,) float32.
    """
    if clip.instruction is not None:
        return obeyed(clip, clip.instruction, config)
    if clip.recording is None:
        speech = synthesize(clip.seed, config.seconds)
        waveform = speech.waveform
        mouth = articulate_speech(speech, config.fps, learned=config.edition > 1)
    else:
        waveform = excerpt(clip, clip.recording)
        mouth = articulate_recording(waveform, config.fps)
    if config.edition == 1:
        return Act(waveform, make_controls(mouth, clip.speed, clip.seed, config.fps), None)
    return Act(waveform, *make_motion(waveform, mouth, clip.speed, clip.seed, config.fps, scales=_scales(clip)))


def _scales(clip: ClipSpec) -> tuple[float, float]:
    return SCALES if clip.portrait is None else PORTRAIT_SCALES


def obeyed(clip: ClipSpec, instruction: str, config: SyntheticConfig) -> Act:
    """Somebody who is calm does as told."""
    rng = np.random.default_rng((CALM, clip.seed))
    calm = keep_calm(rng, clip, config)
    assert calm.motion is not None
    controls = obey(rng, calm.controls, instruction, config.fps)
    sentence = draw_sentence(rng, instruction, held_out=clip.split == "test")
    x, y = main_gaze(controls.gaze_x.numpy(), controls.gaze_y.numpy())
    motion = replace(calm.motion, gaze_x=x, gaze_y=y, instruction=instruction, text=sentence)
    return Act(calm.waveform, controls, motion)


def keep_calm(rng: np.random.Generator, clip: ClipSpec, config: SyntheticConfig) -> Act:
    """Somebody in a quiet room, neutral and looking ahead, does nothing in particular; the noise is by `rng`."""
    waveform = rng.normal(0, ROOM, max(1, round(config.seconds * SAMPLE_RATE))).astype(np.float32)
    shut = torch.zeros(frame_count(len(waveform), config.fps))
    acted = make_motion(
        waveform,
        Articulation(shut, shut, shut, shut),
        clip.speed,
        clip.seed,
        config.fps,
        scales=_scales(clip),
        calm=True,
    )
    return Act(waveform, *acted)
