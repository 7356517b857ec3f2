"""All that is random in a training step, drawn per sample from the seed and the sample's number alone.

So one process sees with twice the batch what two see together, and a resumed run what the first one would have seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.generation.latents import correlate_noise


@dataclass(frozen=True)
class Draws:
    """B samples' draws.

    Attributes:
        time: (B,) in [0, 1), where in the noise schedule; (B, F) where every frame has its own.
        noise: (B, F, L, h, w), normal, of neighboring frames correlated as asked.
        motion_level: (B,) in [0, 1), share of the most noise that the motion frames' latents get.
        motion_noise: (B, n, L, h, w), normal.
        guidance: (B, 2) in [0, 1), where between the least and the greatest weight of guidance, by sound and portrait.
        keep: by condition 1 for samples that keep it and 0 for those without, (B,): factors, so that every parameter
            keeps a gradient.
    """

    time: Tensor
    noise: Tensor
    motion_level: Tensor
    motion_noise: Tensor
    guidance: Tensor
    keep: dict[str, Tensor]

    def to(self, device: torch.device | str) -> "Draws":
        """The same on another device."""
        return Draws(
            time=self.time.to(device),
            noise=self.noise.to(device),
            motion_level=self.motion_level.to(device),
            motion_noise=self.motion_noise.to(device),
            guidance=self.guidance.to(device),
            keep={name: factor.to(device) for name, factor in self.keep.items()},
        )


def draw(
    numbers: Sequence[int],
    seed: int,
    shape: Sequence[int],
    num_motion_frames: int,
    drop_probabilities: Mapping[str, float],
    *,
    noise_correlation: float = 0.0,
    per_frame_timesteps: bool = False,
) -> Draws:
    """The draws of samples.

    Args:
        numbers: global sample numbers.
        seed: of the run.
        shape: (F, L, h, w).
        num_motion_frames: n.
        drop_probabilities: by condition; the same conditions in the same order draw the same.
        noise_correlation: of neighboring frames; see `correlate_noise`.
        per_frame_timesteps: whether every frame has a time of its own.
    """
    times, uniforms, noises, motion_noises, guidance = [], [], [], [], []
    for number in numbers:
        generator = torch.Generator().manual_seed(int(np.random.SeedSequence((seed, number)).generate_state(1)[0]))
        uniforms.append(torch.rand(2 + len(drop_probabilities), generator=generator))
        noises.append(correlate_noise(torch.randn(*shape, generator=generator), noise_correlation))
        motion_noises.append(torch.randn(num_motion_frames, *shape[1:], generator=generator))
        times.append(torch.rand(shape[0], generator=generator))
        guidance.append(torch.rand(2, generator=generator))
    time, level, *chances = torch.stack(uniforms).unbind(dim=1)
    asked = zip(drop_probabilities.items(), chances, strict=True)
    return Draws(
        time=torch.stack(times) if per_frame_timesteps else time,
        noise=torch.stack(noises),
        motion_level=level,
        motion_noise=torch.stack(motion_noises),
        guidance=torch.stack(guidance),
        keep={name: (chance >= probability).float() for (name, probability), chance in asked},
    )
