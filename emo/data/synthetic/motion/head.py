"""Heads that go with the voice: nods on its accents, a new turn with each phrase, and the rest at random."""

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from emo.data.synthetic.motion.prosody import Prosody, bump_at
from emo.data.synthetic.motion.swing import fast_enough

MAX_NOD = 4.0  # degrees, of the strongest accent
LAGS = (0.04, 0.12)  # seconds from an accent to its nod
NOD = 0.2  # seconds from the start of a nod to its peak, and back
LIFT = 0.6  # degrees to a nod of 1: how far the head is raised as a phrase begins, and lowered by its end
FARTHER = 3.0  # times, at most, that fast heads turn farther with a phrase than slow ones
SLOW = 0.4  # degrees per frame, of heads that do not
SETTLING = 0.12  # seconds, standard deviation, over which a phrase's turn is smoothed


@dataclass(frozen=True)
class HeadMotion:
    """A head that turns.

    Attributes:
        angles: yaw, pitch, roll, each (T,) degrees.
        coupling: 0 ... 1, share of the power of its turning that goes with the sound.
        lag: seconds by which nods follow the accents.
    """

    angles: tuple[Tensor, Tensor, Tensor]
    coupling: float
    lag: float


def turn_with_voice(
    rng: np.random.Generator, prosody: Prosody, frames: int, speed: float, coupling: float, fps: float
) -> HeadMotion:
    """A head at just the commanded mean speed, of which the voice has its share.

    Nods stay below MAX_NOD, so that fast heads go with the voice less than they should; the result says how much.

    Args:
        rng: of the random share, and of how this person nods.
        prosody: of the sound.
        frames: T.
        speed: mean rotation, degrees per frame.
        coupling: wanted share, 0 ... 1.
        fps: frames per second.
    """
    times = (np.arange(frames) + 0.5) / fps
    lag = float(rng.uniform(*LAGS))
    voiced = _nods(rng, prosody, times - lag) + np.clip(speed / SLOW, 1, FARTHER) * _turns(rng, prosody, times)
    head, enough = fast_enough(rng, frames, speed, fps)
    with_voice, at_random = _power(voiced), _power(head.swing)
    if speed == 0 or with_voice == 0 or at_random == 0:
        return HeadMotion(head.angles(head.width_at_speed(enough)), 0.0, lag)
    for share in coupling * np.linspace(1, 0, 11):
        nod, swing = np.sqrt(share / with_voice), np.sqrt((1 - share) / at_random)
        mixed = replace(head, swing=nod * voiced + swing * head.swing)
        for reach in (1.0, 1.4, 2.0):
            widest = min(MAX_NOD / max(nod, 1e-9), reach * enough / max(swing, 1e-9))
            if mixed.speed(widest) >= speed:
                return HeadMotion(mixed.angles(mixed.width_at_speed(widest)), float(share), lag)
    return HeadMotion(head.angles(head.width_at_speed(enough)), 0.0, lag)


def _nods(rng: np.random.Generator, prosody: Prosody, times: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll (T, 3) of nods of up to 1 degree, each at its peak with its accent."""
    down = -1.0 if rng.random() < 0.8 else 1.0  # few people throw their chin up instead
    axis = np.array([rng.uniform(-0.25, 0.25), down, rng.uniform(-0.2, 0.2)])
    bump = bump_at(times[:, None] - prosody.accents, NOD)
    return (bump * (0.2 + 0.8 * prosody.strengths)).sum(1)[:, None] * axis


def _turns(rng: np.random.Generator, prosody: Prosody, times: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll (T, 3): each phrase starts at a place of its own, lifted, and turns and sinks to its end."""
    if not len(prosody.phrases):
        return np.zeros((len(times), 3))
    knots = prosody.phrases.ravel()
    places = np.zeros((len(knots), 3))
    starts = rng.normal(0, (1.2, 0.3, 0.5), (len(prosody.phrases), 3))
    lift = np.array([0, LIFT, 0])
    places[::2] = starts + lift
    places[1::2] = starts + rng.normal(0, (0.8, 0.1, 0.3), starts.shape) - lift
    step = 0.02
    grid = np.arange(times[0] - 4 * SETTLING, times[-1] + 4 * SETTLING + step, step)
    reach = round(3 * SETTLING / step)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / SETTLING) ** 2)
    kernel /= kernel.sum()
    paths = (np.interp(grid, knots, column) for column in places.T)
    smooth = (np.convolve(np.pad(path, reach, mode="edge"), kernel, "valid") for path in paths)
    return np.stack([np.interp(times, grid, path) for path in smooth], 1)


def _power(angles: np.ndarray) -> float:
    """Mean square of the change per frame, all axes together, of (T, 3) degrees."""
    return float((np.diff(angles, axis=0) ** 2).sum(1).mean()) if len(angles) > 1 else 0.0
