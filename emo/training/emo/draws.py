"""All that is random in a training step, drawn per sample from the seed and the sample's number alone.

So one process sees with twice the batch what two see together, and a resumed run what the first one would have seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from emo.generation.latents import correlate_noise
from emo.training.emo.networks import Kept

CONDITIONS = tuple(field.name for field in fields(Kept))


@dataclass(frozen=True)
class Draws:
    """B samples' draws.

    time: (B,) in [0, 1), where in the noise schedule; (B, F) where every frame has its own.
    noise: (B, F, L, h, w), normal, of neighboring frames correlated as asked.
    motion_level: (B,) in [0, 1), share of the most noise that motion latents get.
    motion_noise: (B, n, L, h, w), normal.
    kept: conditions that are not dropped.
    """

    time: Tensor
    noise: Tensor
    motion_level: Tensor
    motion_noise: Tensor
    kept: Kept

    def to(self, device: torch.device | str) -> "Draws":
        """The same on another device."""
        kept = Kept(**{name: getattr(self.kept, name).to(device) for name in CONDITIONS})
        tensors = ("time", "noise", "motion_level", "motion_noise")
        return Draws(kept=kept, **{name: getattr(self, name).to(device) for name in tensors})


def draw(
    numbers: Sequence[int],
    seed: int,
    shape: Sequence[int],
    num_motion_frames: int,
    rates: Mapping[str, float],
    *,
    noise_correlation: float = 0.0,
    own_times: bool = False,
) -> Draws:
    """The draws of samples.

    Args:
        numbers: global sample numbers.
        shape: (F, L, h, w).
        num_motion_frames: n.
        rates: probability of dropping by condition; what is not named is kept.
        noise_correlation: of neighboring frames; see `correlate_noise`.
        own_times: whether every frame has a time of its own.
    """
    times, uniforms, noises, motion_noises = [], [], [], []
    for number in numbers:
        generator = torch.Generator().manual_seed(int(np.random.SeedSequence((seed, number)).generate_state(1)[0]))
        uniforms.append(torch.rand(2 + len(CONDITIONS), generator=generator))
        noises.append(correlate_noise(torch.randn(*shape, generator=generator), noise_correlation))
        motion_noises.append(torch.randn(num_motion_frames, *shape[1:], generator=generator))
        times.append(torch.rand(shape[0], generator=generator))
    time, level, *chances = torch.stack(uniforms).unbind(dim=1)
    kept = {name: (chance >= rates.get(name, 0)).float() for name, chance in zip(CONDITIONS, chances, strict=True)}
    if own_times:
        time = torch.stack(times)
    return Draws(time, torch.stack(noises), level, torch.stack(motion_noises), Kept(**kept))
