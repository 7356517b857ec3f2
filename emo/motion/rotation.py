"""A head's rotation from its angles, and how fast it turns."""

import torch
from torch import Tensor

from emo.face.pose import angular_speed


def rotation(yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """Head rotation Rz(-roll) Ry(yaw) Rx(-pitch) from degrees (T,): (T, 3, 3); x right, y up, z to the camera.

    The angles mean what `emo.face.HeadPose`'s do: positive yaw turns the face to the right of the picture, positive
    pitch looks up, positive roll tilts the head clockwise.
    """
    a, b, c = (torch.deg2rad(v) for v in (yaw, -pitch, -roll))
    zero, one = torch.zeros_like(a), torch.ones_like(a)

    def matrix(*values: Tensor) -> Tensor:
        return torch.stack(values, -1).unflatten(-1, (3, 3))

    ry = matrix(a.cos(), zero, a.sin(), zero, one, zero, -a.sin(), zero, a.cos())
    rx = matrix(one, zero, zero, zero, b.cos(), -b.sin(), zero, b.sin(), b.cos())
    rz = matrix(c.cos(), -c.sin(), zero, c.sin(), c.cos(), zero, zero, zero, one)
    return rz @ ry @ rx


def rotation_speed_of_angles(yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """`emo.face.angular_speed` of heads given by their angles in degrees (T,): degrees per frame (T,) float32."""
    matrices = rotation(yaw.double(), pitch.double(), roll.double())
    return torch.from_numpy(angular_speed(matrices.numpy())).float()
