"""A person and a voice to try the page with. Both are synthetic: nobody's picture, nobody's words."""

from functools import lru_cache

import numpy as np

from emo.data.synthetic.held_out import HELD_OUT, HeldOut
from emo.data.synthetic.speech import SAMPLE_RATE

SECONDS = 2.0


@lru_cache(1)
def _people() -> HeldOut:
    return HeldOut(HELD_OUT, 1)


@lru_cache(1)
def example_portrait() -> np.ndarray:
    """A picture, uint8 (H, W, 3); drawing it takes some seconds the first time."""
    return _people().portrait(0)


@lru_cache(1)
def example_sound() -> tuple[int, np.ndarray]:
    """A rate in Hz, and SECONDS of syllables, int16 (N,)."""
    waveform = _people().voice(0, SECONDS).waveform
    return SAMPLE_RATE, np.round(waveform.clip(-1, 1) * 32767).astype(np.int16)
