"""Where a sound pauses, generated motion gives way to idle motion, and comes back with the voice."""

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from emo.generation.audio_features import Samples
from emo.generation.running_features import BLOCKS_PER_SECOND, RunningLevel
from emo.motion.idle import IdleMotion
from emo.motion.space import CONTROLS

HOLD = 0.5  # seconds of a pause that belong to the speech before it
LEAVE = 0.8  # seconds over which a face goes over to idling
RETURN = 0.6  # seconds over which it leaves it when a voice begins
LIPS_RETURN = 0.16  # seconds before a voice over which lips do, which live sound is known ahead
MOUTH = "mouth"  # part of the controls


class Idling:
    """Lets a face idle in the pauses of one sound.

    Args:
        sampling_rate: of the sound, in Hz.
        seed: of the idle motion.

    Attributes:
        heard: samples that were taken in.
    """

    def __init__(self, sampling_rate: int, seed: int = 0):
        self.motion = IdleMotion(seed)
        self._level = RunningLevel(sampling_rate)
        self._sounds: list[bool] = []
        self._shares: list[tuple[float, float]] = []  # of idle motion, of lips and of all else, by blocks
        self._first = 0  # block of the first of these
        self._quiet = round(HOLD * BLOCKS_PER_SECOND)  # blocks, before the beginning as well
        self._last = (1.0, 1.0)
        mouth = torch.zeros(len(CONTROLS), dtype=torch.bool)
        mouth[CONTROLS.index(MOUTH)] = True
        self._mouth = mouth

    @property
    def heard(self) -> int:
        """Samples that were taken in."""
        return self._level.heard

    def hear(self, samples: np.ndarray) -> None:
        """Go on with samples (N,): whole blocks of 20 ms, but at a sound's end."""
        for sounds in self._level.hear(samples):
            lips, rest = self._last
            self._quiet = 0 if sounds else self._quiet + 1
            if sounds:
                lips, rest = 0.0, max(0.0, rest - 1 / (RETURN * BLOCKS_PER_SECOND))
            elif self._quiet > HOLD * BLOCKS_PER_SECOND:
                lips, rest = (min(1.0, share + 1 / (LEAVE * BLOCKS_PER_SECOND)) for share in (lips, rest))
            self._last = (lips, rest)
            self._sounds.append(sounds)
            self._shares.append(self._last)
        self._level.forget(self._level.heard)

    def hear_all(self, sound: Samples) -> None:
        """Hear a whole recording."""
        step = 1000 * self._level.block
        for start in range(0, sound.length, step):
            self.hear(sound.read(start, min(start + step, sound.length)))

    def blend(self, values: Tensor, first: int, rate: Fraction) -> Tensor:
        """Frames of generated motion with idle motion in pauses; asked for in order, each once.

        Args:
            values: (n, 14) in the space of `CONTROLS`.
            first: number of the first.
            rate: frames per second.
        """
        times = (np.arange(first, first + len(values)) + 0.5) / float(rate)
        blocks = (times * BLOCKS_PER_SECOND).astype(int)
        shares = torch.tensor([self._share(block) for block in blocks.tolist()])
        share = torch.where(self._mouth, shares[:, :1], shares[:, 1:])
        self._forget(int(blocks[-1]))
        return values.lerp(self.motion.at(times).to(values), (share * share * (3 - 2 * share)).to(values))

    def _share(self, block: int) -> tuple[float, float]:
        """Of idle motion, of lips and of all else, at a block; what has not been heard is silent."""
        place = block - self._first
        lips, rest = self._shares[place] if place < len(self._shares) else self._last
        ahead = self._sounds[place : place + round(LIPS_RETURN * BLOCKS_PER_SECOND)]
        if True in ahead:
            lips *= ahead.index(True) / (LIPS_RETURN * BLOCKS_PER_SECOND)
        return lips, rest

    def _forget(self, before: int) -> None:
        count = max(0, min(before - self._first, len(self._shares)))
        del self._shares[:count], self._sounds[:count]
        self._first += count
