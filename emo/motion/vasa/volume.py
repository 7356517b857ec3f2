"""Volumes of features around a head, and where its pose puts them.

Places are x, y, z in half sides, -1 ... 1 from border to border: x to the right, y down, z to the camera.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, silu

from emo.motion.rotation import rotation
from emo.motion.space import CONTROLS
from emo.unets.attention import zero_

POSE = CONTROLS.parts["pose"]
"""The columns of a pose: yaw, pitch and roll in degrees, shifts to the right and up in half sides, size."""

SMALLEST = 0.1  # of sizes, so that no place divides by zero


def voxel_centers(size: Sequence[int], device: torch.device) -> Tensor:
    """Places of all voxels of a volume of size Z, h, w: (1, Z, h, w, 3), in single precision, as all places are."""
    z, y, x = ((2 * torch.arange(side, device=device) + 1) / side - 1 for side in size)
    return torch.stack(torch.meshgrid(z, y, x, indexing="ij")[::-1], dim=-1)[None]


def to_picture(places: Tensor, pose: Tensor) -> Tensor:
    """Where places (B or 1, ..., 3) of heads that look straight ahead stand in pictures of poses (B, 6)."""
    turn, shift, size = _parts(pose, places)
    return size * torch.einsum("bij,b...j->b...i", turn, places.expand(len(pose), *places.shape[1:])) + shift


def to_head(places: Tensor, pose: Tensor) -> Tensor:
    """The inverse of `to_picture`: which places of the heads stand at places of the pictures."""
    turn, shift, size = _parts(pose, places)
    return torch.einsum("bji,b...j->b...i", turn, (places - shift) / size)


def look_up(volume: Tensor, places: Tensor) -> Tensor:
    """What stands in volumes at places; their borders are repeated beyond them.

    Args:
        volume: (B or 1, C, Z, h, w).
        places: (B, z, y, x, 3).

    Returns:
        (B, C, z, y, x).
    """
    maps = volume.expand(len(places), -1, -1, -1, -1).to(places.dtype)
    found = grid_sample(maps, places, mode="bilinear", padding_mode="border", align_corners=False)
    return found.to(volume.dtype)


def _parts(pose: Tensor, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rotations (B, 3, 3), and shifts (B, ..., 3) and sizes (B, ..., 1), as many dimensions as the places have."""
    yaw, pitch, roll, right, up, size = pose.float().unbind(-1)
    turn = rotation(yaw, pitch, roll)
    mirror = turn.new_tensor([1.0, -1.0, 1.0])  # y up -> y down
    turn = mirror[:, None] * turn * mirror
    shift = torch.stack([right, -up, torch.zeros_like(up)], dim=-1)
    beside = (-1, *[1] * (places.ndim - 2))
    return turn, shift.view(*beside, 3), size.clamp(min=SMALLEST).view(*beside, 1)


class VolumeBlock(nn.Module):
    """Two convolutions of volumes whose sum with the input starts as the input."""

    def __init__(self, width: int, norm_num_groups: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(norm_num_groups, width)
        self.conv1 = nn.Conv3d(width, width, kernel_size=3, padding=1)
        self.norm2 = nn.GroupNorm(norm_num_groups, width)
        self.conv2 = nn.Conv3d(width, width, kernel_size=3, padding=1)
        zero_(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, Z, h, w) -> the same."""
        hidden = self.conv1(silu(self.norm1(x)))
        return x + self.conv2(silu(self.norm2(hidden)))
