"""Four emotions by how strongly they are felt, on top of what speech does to the face."""

from typing import NamedTuple

import numpy as np

from emo.data.motion_labels import EMOTIONS

NEUTRAL = 0.4  # of the clips
STRENGTHS = (0.3, 1.0)


class Offset(NamedTuple):
    """What an emotion of full strength adds to the controls of these names; `lid` to `blink`, while lids are open."""

    smile: float
    brow: float
    lid: float


OFFSETS = {
    "neutral": Offset(0.0, 0.0, 0.0),
    "happy": Offset(0.75, 0.15, 0.1),
    "angry": Offset(-0.6, -0.7, 0.15),
    "surprised": Offset(0.05, 0.6, -0.3),
}


def draw_emotion(rng: np.random.Generator) -> tuple[str, float]:
    """One of EMOTIONS and its strength, 0 ... 1."""
    if rng.random() < NEUTRAL:
        return EMOTIONS[0], 0.0
    return EMOTIONS[int(rng.integers(1, len(EMOTIONS)))], float(rng.uniform(*STRENGTHS))


def emotion_offset(emotion: str, strength: float) -> Offset:
    """What the emotion adds, at its strength."""
    return Offset(*(strength * value for value in OFFSETS[emotion]))
