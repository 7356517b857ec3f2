"""A head's pose from a few points of its face: roughly, and in the units of its columns."""

import torch
from torch import Tensor

from emo.data.format import FACE_POINTS

RIGID = {
    "left_eye": (-0.197, -0.089, 0.23),
    "right_eye": (0.197, -0.089, 0.23),
    "nose": (0.0, 0.149, 0.46),
    "mouth_left": (-0.151, 0.316, 0.27),
    "mouth_right": (0.151, 0.316, 0.27),
}
"""Where a usual face has them in the default framing, looking straight ahead: x to the right, y down, z to the camera
from the middle of the head, in halves of the picture's side."""


def pose_of_points(points: Tensor, side: int) -> Tensor:
    """Poses (B, 6) as `emo.motion.vasa.volume.POSE`: the turn, shift and size that bring a usual face nearest.

    Args:
        points: `FACE_POINTS` in pixels, (B, 7, 2).
        side: of the pictures, in pixels.
    """
    seen = 2 * points[:, [FACE_POINTS.index(name) for name in RIGID]] / side - 1
    usual = seen.new_tensor(list(RIGID.values()))
    center, middle = seen.mean(dim=1), usual.mean(dim=0)
    fitted = (torch.linalg.pinv(usual - middle) @ (seen - center[:, None])).mT  # (B, 2, 3), affine
    u, stretch, vt = torch.linalg.svd(fitted, full_matrices=False)
    across, down = (u @ vt).unbind(1)
    size = stretch.mean(dim=1)
    turn = torch.stack([across, down, torch.linalg.cross(across, down)], dim=1)
    shift = center - size[:, None] * (turn[:, :2] @ middle)
    yaw = torch.asin((-turn[:, 2, 0]).clamp(-1, 1))  # of Rz(-roll) Ry(yaw) Rx(-pitch), with y up
    pitch = torch.atan2(turn[:, 2, 1], turn[:, 2, 2])
    roll = torch.atan2(turn[:, 1, 0], turn[:, 0, 0])
    return torch.stack([*(torch.rad2deg(angle) for angle in (yaw, pitch, roll)), shift[:, 0], -shift[:, 1], size], 1)
