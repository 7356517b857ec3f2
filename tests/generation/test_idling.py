"""A face idles where its sound pauses, and speaks where it does not."""

from fractions import Fraction

import numpy as np
import torch

from emo.generation.idling import Idling
from emo.media import AudioTrack
from emo.motion import CONTROLS

RATE, FPS = 16000, Fraction(25)
TALK = torch.full((1, len(CONTROLS)), 7.0)  # a motion that nobody idles with


def sound() -> np.ndarray:
    """A second of silence, two of noise, three of silence, one of noise."""
    parts = [
        np.random.default_rng(0).normal(0, size, round(RATE * s)) for size, s in ((0, 1), (0.1, 2), (0, 3), (0.1, 1))
    ]
    return np.concatenate(parts).astype(np.float32)


def blended(idling: Idling, hops: int = 7) -> torch.Tensor:
    return torch.cat([idling.blend(TALK.expand(25, -1), 25 * hop, FPS) for hop in range(hops)])


def whole() -> torch.Tensor:
    idling = Idling(RATE, 5)
    idling.hear_all(AudioTrack.open((sound(), RATE)))
    return blended(idling)


def test_pauses_are_idle_and_speech_is_not():
    values, idle = whole(), Idling(RATE, 5).motion.frames(0, 175, FPS)
    for start, stop in ((0, 20), (112, 145)):
        torch.testing.assert_close(values[start:stop], idle[start:stop])
    lips, rest = CONTROLS.index("mouth"), CONTROLS.index("pose")
    assert (values[26:84][:, lips] == 7).all()
    assert (values[151:][:, lips] == 7).all()
    assert (values[42:84][:, rest] == 7).all()
    share = (values[..., rest] - idle[..., rest]) / (7 - idle[..., rest])
    assert share.diff(dim=0).abs().max() < 0.16


def test_lips_are_ready_when_the_voice_begins():
    values = whole()[:, CONTROLS.index("jaw")[0]]
    before = values[145:150]
    assert (before.diff() > 0).all()
    assert values[149] > 4


def test_live_sound_idles_as_a_recording_does():
    samples, idling, made = sound(), Idling(RATE, 5), []
    for hop in range(7):
        heard = min(len(samples), round((hop + 1) * RATE + 0.18 * RATE))
        idling.hear(samples[idling.heard : heard])
        made.append(idling.blend(TALK.expand(25, -1), 25 * hop, FPS))
    torch.testing.assert_close(torch.cat(made), whole())
    assert len(idling._shares) < 100
