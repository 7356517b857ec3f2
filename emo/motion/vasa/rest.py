"""Poses against the one at which a face rests: a motion at rest is the portrait as it is, as the mesh has it.

What is read of a head is off by degrees that differ from person to person and from camera to camera, and stay as they
are while it moves.
"""

import torch
from torch import Tensor

from emo.motion.vasa.volume import POSE

SIZE = POSE.index("scale")  # multiplied; what is before it is added


def from_rest(motion: Tensor, rest: Tensor) -> Tensor:
    """Motion (B, D) of a face that rests at a pose, (6,) or (B, 6), with its pose as it is in the picture."""
    pose, others = motion.tensor_split([len(POSE)], dim=-1)
    size = pose[..., SIZE:] * rest[..., SIZE:]
    return torch.cat([pose[..., :SIZE] + rest[..., :SIZE], size, others], dim=-1)


def against_rest(motion: Tensor) -> Tensor:
    """Motion (T, D) of one face as it is in its pictures, with its pose against its own median; undoes `from_rest`."""
    pose, others = motion.tensor_split([len(POSE)], dim=-1)
    rest = pose.quantile(0.5, dim=0)
    return torch.cat([pose[:, :SIZE] - rest[:SIZE], pose[:, SIZE:] / rest[SIZE:], others], dim=-1)
