"""Per-frame controls of a face and head."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from emo.motion.rotation import rotation_speed_of_angles
from emo.motion.space import CONTROLS
from emo.motion.track import MotionTrack

WIDE_EYES = -0.3
"""The least `blink`: upper lids raised by this share of the gap between open lids."""


@dataclass(frozen=True)
class FaceControls:
    """What every frame commands; all fields (T,) float32. 0 is rest (scale: 1).

    Attributes:
        jaw: 0 closed lips ... 1 wide open.
        width: -1 narrow ... 1 spread lips.
        rounding: 0 ... 1 rounded, protruded lips.
        blink: WIDE_EYES wide ... 0 open ... 1 closed eyes.
        brow: -1 lowered ... 1 raised.
        gaze_x: -1 ... 1, toward the picture's right.
        gaze_y: -1 ... 1, toward the picture's top.
        smile: -1 ... 1.
        yaw: degrees, as in `emo.face.HeadPose`; positive turns the face to the picture's right.
        pitch: degrees; positive looks up.
        roll: degrees; positive tilts the head clockwise in the picture.
        tx: shift to the right, in halves of the picture's side.
        ty: shift up, in halves of the picture's side.
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

    @property
    def distance(self) -> Tensor:
        """Of the camera, (T,), in those of the default framing."""
        return 1 / self.scale

    def __getitem__(self, frames: slice | Tensor) -> "FaceControls":
        return FaceControls(*(getattr(self, f.name)[frames] for f in fields(self)))

    def to(self, device: torch.device | str) -> "FaceControls":
        """The same controls on another device."""
        return FaceControls(*(getattr(self, f.name).to(device) for f in fields(self)))

    @classmethod
    def rest(cls, frames: int) -> "FaceControls":
        """`frames` frames of a still face that looks ahead with closed lips."""
        zero = torch.zeros(frames)
        return replace(cls(*[zero] * len(fields(cls))), scale=torch.ones(frames))

    @classmethod
    def from_track(cls, track: MotionTrack) -> "FaceControls":
        """What a track in the space of `CONTROLS` commands."""
        columns = dict(zip(CONTROLS.names, track.values.unbind(1), strict=True))
        return cls(**columns, rotation_speed=rotation_speed_of_angles(*(columns[a] for a in ("yaw", "pitch", "roll"))))

    def track(self, fps: float) -> MotionTrack:
        """The same as a track of that many frames per second."""
        return MotionTrack(torch.stack([getattr(self, name) for name in CONTROLS.names], 1), fps, CONTROLS)


def as_track(values: np.ndarray) -> Tensor:
    """Values (T,) as controls hold them."""
    return torch.tensor(np.asarray(values), dtype=torch.float32)
