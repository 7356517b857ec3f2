"""People and voices that no training ever sees: what they look like, what they say, and how they really say it."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from emo.data.synthetic.acting import CALM, keep_calm, obeyed
from emo.data.synthetic.articulation import articulate_speech
from emo.data.synthetic.avatar import AvatarRenderer
from emo.data.synthetic.config import SyntheticConfig
from emo.data.synthetic.identity import draw_identities
from emo.data.synthetic.renderer import Renderer
from emo.data.synthetic.speech import synthesize
from emo.media.loudness import speech_band_loudness
from emo.motion.controls import FaceControls

HELD_OUT = 900
"""Seed of the people and voices kept for tests; `emo synthesize --seed` of training data stays below it."""

SIZE = 128
"""Pixels of the true clips where nothing else is asked for, as training data is drawn."""

CALM_SPEED = 0.1
"""Degrees per frame at which heads turn of those who are silent."""

PORTRAIT = 256
"""Pixels of the portraits: faces in pictures to animate must be larger than in clips."""


@dataclass(frozen=True)
class Voice:
    """What somebody says: waveform (N,) float32 at 16 kHz; jaw and loudness (T,) as the synthesizer derives them."""

    waveform: np.ndarray
    jaw: np.ndarray
    loudness: np.ndarray


class HeldOut:
    """The held-out people, by number from 0 on; person p has voice p.

    Args:
        seed: other seeds, other people.
        people: how many there are.
        fps: frames per second.
        compile: compile the drawing of clips, where there is a C++ compiler.
        size: of true clips in pixels, a multiple of 8.
    """

    def __init__(self, seed: int, people: int, fps: float = 25.0, compile: bool = False, size: int = SIZE):
        self.config = SyntheticConfig(seed=seed, identities=people, size=size, fps=fps, edition=1)
        self._renderer = lru_cache(1)(lambda: Renderer(self.config, compile=compile))
        self.voice = lru_cache(None)(self._voice)

    def portrait(self, person: int, shut: bool = False) -> np.ndarray:
        """Their picture, (PORTRAIT, PORTRAIT, 3) uint8: looking ahead with closed lips, or with shut eyes, too."""
        return _portrait(self.config.identity(person), shut)

    def _voice(self, number: int, seconds: float) -> Voice:
        """Voice `number` for so many seconds."""
        speech = synthesize(self.config.clip_spec(number).seed, seconds)
        mouth = articulate_speech(speech, self.config.fps)
        times = (np.arange(len(mouth.jaw)) + 0.5) / self.config.fps
        return Voice(speech.waveform, mouth.jaw.numpy(), speech_band_loudness(speech.waveform, times))

    def controls(self, person: int, seconds: float, speed: float | None = None) -> FaceControls:
        """What the person does while they say it, at their own mean rotation speed in degrees per frame or another."""
        spec = self.config.clip_spec(person)
        renderer = self._renderer()
        renderer.config = replace(self.config, seconds=seconds)
        return renderer.act(spec if speed is None else replace(spec, speed=speed)).controls

    def obeying(self, person: int, seconds: float, instruction: str | None) -> FaceControls:
        """What the person does who is silent and told something, a key of `INSTRUCTIONS`, or nothing."""
        spec = replace(self.config.clip_spec(person), instruction=instruction, speed=CALM_SPEED)
        config = replace(self.config, seconds=seconds)
        if instruction is None:
            return keep_calm(np.random.default_rng((CALM, spec.seed)), spec, config).controls
        return obeyed(spec, instruction, config).controls

    def draw(self, person: int, controls: FaceControls) -> np.ndarray:
        """The person who does so, (T, size, size, 3) uint8."""
        return self._renderer().draw(self.config.clip_spec(person), controls)

    def clip(self, person: int, seconds: float, speed: float | None = None) -> np.ndarray:
        """How the person says it in truth, (T, size, size, 3) uint8, at their own mean rotation speed or another."""
        return self.draw(person, self.controls(person, seconds, speed))


@lru_cache(100)
def _portrait(identity: int, shut: bool) -> np.ndarray:
    renderer = AvatarRenderer(PORTRAIT, batch=1)
    controls = replace(FaceControls.rest(1), blink=torch.full((1,), float(shut)))
    return renderer.render(draw_identities([identity]), controls)[0].numpy()
