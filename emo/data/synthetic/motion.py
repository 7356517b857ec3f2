"""Per-frame controls of a face and head, and how they are made: the mouth from the sound, the rest at random."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Motion:
    """What every frame commands; all fields (T,) float32. 0 is rest (scale: 1).

    jaw: 0 closed lips … 1 wide open.
    width: -1 narrow … 1 spread lips.
    rounding: 0 … 1 rounded, protruded lips.
    blink: 0 open … 1 closed eyes.
    brow: -1 lowered … 1 raised.
    gaze_x, gaze_y: -1 … 1, towards the picture's right and top.
    smile: -1 … 1.
    yaw, pitch, roll: degrees; positive yaw turns the face to the picture's right, positive pitch downwards, positive
        roll tilts the head anticlockwise.
    tx, ty: shift to the right and up, in halves of the picture's side.
    scale: size relative to the default framing.
    rotation_speed: degrees per frame; geodesic angle between this frame's head rotation and the one before; the
        first frame repeats the second.
    """

    jaw: Tensor
    width: Tensor
    rounding: Tensor
    blink: Tensor
    brow: Tensor
    gaze_x: Tensor
    gaze_y: Tensor
    smile: Tensor
    yaw: Tensor
    pitch: Tensor
    roll: Tensor
    tx: Tensor
    ty: Tensor
    scale: Tensor
    rotation_speed: Tensor

    def __len__(self) -> int:
        return len(self.jaw)

    def __getitem__(self, frames: slice | Tensor) -> Motion:
        return Motion(*(getattr(self, f.name)[frames] for f in fields(self)))

    def to(self, device: torch.device | str) -> Motion:
        """The same motion on another device."""
        return Motion(*(getattr(self, f.name).to(device) for f in fields(self)))

    @classmethod
    def rest(cls, frames: int) -> Motion:
        """`frames` frames of a still face that looks ahead with closed lips."""
        zero = torch.zeros(frames)
        return replace(cls(*[zero] * len(fields(cls))), scale=torch.ones(frames))
