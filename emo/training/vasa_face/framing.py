"""Frames of a person as another camera would have cut them out: nearer, farther, aside."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from emo.unets.warp import pixel_centers

ZOOM = 1.35  # by how much a face becomes larger or smaller, at most
SHIFT = 0.2  # half sides of a picture by which it is moved along each axis, at most


@dataclass(frozen=True)
class Framing:
    """What B people's pictures are magnified by around their middle, and then moved by.

    Attributes:
        zoom: (B,).
        shift: to the right and down in half sides, (B, 2).
    """

    zoom: Tensor
    shift: Tensor

    @classmethod
    def draw(cls, numbers: list[int], seed: int, share: float) -> "Framing":
        """Of samples by their numbers; all but `share` of them stay as they are."""
        zooms, shifts = [], []
        for number in numbers:
            rng = np.random.default_rng((0xF4A3, seed, number))
            changed = rng.random() < share
            zooms.append(ZOOM ** rng.uniform(-1, 1) if changed else 1.0)
            shifts.append(rng.uniform(-SHIFT, SHIFT, 2) if changed else np.zeros(2))
        return cls(torch.tensor(zooms, dtype=torch.float32), torch.from_numpy(np.stack(shifts)).float())

    def pictures(self, maps: Tensor, padding: str = "border") -> Tensor:
        """Maps (B, C, H, W) framed so; beyond their borders these are repeated, or "zeros"."""
        places = pixel_centers(maps.shape[-2], maps.shape[-1], maps) - self._to(maps, self.shift)[:, None, None]
        places = places / self._to(maps, self.zoom)[:, None, None, None]
        return grid_sample(maps, places, mode="bilinear", padding_mode=padding, align_corners=False)

    def flow(self, flow: Tensor) -> Tensor:
        """Flow (B, 2, h, w) in half sides, between two pictures that are framed so."""
        return self.pictures(flow) * self._to(flow, self.zoom)[:, None, None, None]

    def points(self, points: Tensor, side: int) -> Tensor:
        """Places (B, N, 2) in pixels of pictures of this side."""
        middle = self._to(points, self.zoom)[:, None, None] * (points - side / 2)
        return middle + side / 2 * (1 + self._to(points, self.shift)[:, None])

    def motion(self, motion: Tensor) -> Tensor:
        """Motion (B, D), the first of it a pose as `emo.motion.vasa.volume.POSE`, whose y goes up."""
        angles, shift, size, rest = motion.split((3, 2, 1, motion.shape[1] - 6), dim=1)
        zoom, aside = self._to(motion, self.zoom)[:, None], self._to(motion, self.shift)
        return torch.cat([angles, zoom * shift + aside * aside.new_tensor([1, -1]), zoom * size, rest], dim=1)

    def _to(self, like: Tensor, value: Tensor) -> Tensor:
        return value.to(like.device, like.dtype)
