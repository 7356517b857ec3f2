"""Head pose and head rotation speed from landmarks (3.2.5, 4.1)."""

import math
from dataclasses import dataclass

import numpy as np

# 24 landmarks that jaw, lips and lids do not move, on a face that looks straight ahead: x right, y down, z away from
# the camera, 1 = distance of the eyes' centers. Measured for this project: `FaceDetector` on nine people who look into
# the camera (six GRID speakers, 15 frames each, and three portraits), centered, scaled, mirrored and averaged by
# generalized Procrustes analysis; mirror symmetry sets yaw and roll to zero, the nine people's mean pitch sets pitch.
RIGID = {
    33: (-0.723, -0.113, 0.065),
    133: (-0.277, -0.079, -0.019),
    362: (0.277, -0.079, -0.019),
    263: (0.723, -0.113, 0.065),
    168: (0.000, -0.165, -0.293),
    6: (0.000, -0.038, -0.365),
    197: (0.000, 0.082, -0.448),
    195: (0.000, 0.196, -0.539),
    5: (0.000, 0.318, -0.632),
    4: (0.000, 0.465, -0.671),
    1: (0.000, 0.578, -0.638),
    10: (0.000, -0.964, -0.206),
    151: (0.000, -0.708, -0.268),
    9: (0.000, -0.431, -0.317),
    108: (-0.265, -0.713, -0.245),
    337: (0.265, -0.713, -0.245),
    234: (-1.117, 0.233, 0.946),
    454: (1.117, 0.233, 0.946),
    127: (-1.123, -0.010, 0.873),
    356: (1.123, -0.010, 0.873),
    93: (-1.100, 0.481, 0.950),
    323: (1.100, 0.481, 0.950),
    48: (-0.315, 0.534, -0.382),
    278: (0.315, 0.534, -0.382),
}
_INDEX = np.array(list(RIGID))
_CANONICAL = np.array(list(RIGID.values()))
_CANONICAL -= _CANONICAL.mean(0)


@dataclass(frozen=True)
class HeadPose:
    """A head's six degrees of freedom, as the camera sees it.

    Fields: rotation (3, 3), from the face that looks straight ahead to this one, axes x right, y down, z away; yaw,
    pitch, roll in degrees, rotation = Rz(roll) Ry(-yaw) Rx(-pitch): yaw > 0 turns to the picture's right, pitch > 0
    looks up, roll > 0 tilts clockwise in the picture; x, y, the rigid landmarks' center in pixels; size, the distance
    of the eyes' centers in pixels, as it would be seen from the front.
    """

    rotation: np.ndarray
    yaw: float
    pitch: float
    roll: float
    x: float
    y: float
    size: float


def head_pose(landmarks: np.ndarray) -> HeadPose:
    """The pose of one face. landmarks: (478, 3) in pixels, as `Face.landmarks`."""
    points = landmarks[_INDEX].astype(np.float64)
    center = points.mean(0)
    rotation = rotations(landmarks[None])[0]
    turned = _CANONICAL @ rotation.T
    return HeadPose(
        rotation=rotation,
        yaw=math.degrees(math.asin(np.clip(rotation[2, 0], -1, 1))),
        pitch=math.degrees(math.atan2(-rotation[2, 1], rotation[2, 2])),
        roll=math.degrees(math.atan2(rotation[1, 0], rotation[0, 0])),
        x=float(center[0]),
        y=float(center[1]),
        size=float(((points - center) * turned).sum() / (turned**2).sum()),
    )


def rotations(landmarks: np.ndarray) -> np.ndarray:
    """Head rotations of T faces by Kabsch alignment, (T, 478, 3) -> (T, 3, 3); whatever their place and size."""
    points = landmarks[:, _INDEX].astype(np.float64)
    u, _, vt = np.linalg.svd(points.transpose(0, 2, 1) @ _CANONICAL)  # centered on one side is centered on both
    u[:, :, 2] *= np.linalg.det(u @ vt)[:, None]  # a rotation, not a reflection
    return u @ vt


def smooth(landmarks: np.ndarray, sigma: float = 2.0) -> np.ndarray:
    """Landmarks smoothed along frames, (T, ...) -> (T, ...): a Gaussian of `sigma` frames, cut at the track's ends.

    Raw landmarks put a noise floor of about 0.7 degrees per frame under the rotation speed.
    """
    length = len(landmarks)
    reach = min(math.ceil(3 * sigma), length - 1)
    total, weights = np.zeros(landmarks.shape), np.zeros(length)
    for step in range(-reach, reach + 1):
        weight = math.exp(-0.5 * (step / sigma) ** 2)
        here, there = slice(max(0, -step), length - max(0, step)), slice(max(0, step), length - max(0, -step))
        total[here] += weight * landmarks[there]
        weights[here] += weight
    return (total / weights.reshape(-1, *[1] * (landmarks.ndim - 1))).astype(landmarks.dtype)


def rotation_speed(rotation: np.ndarray) -> np.ndarray:
    """The head rotation velocity w of 3.2.5: (T, 3, 3) -> (T,) degrees per frame, float64.

    The geodesic angle from the frame before; frame 0 repeats frame 1's, and a single frame has speed 0.
    """
    if len(rotation) == 1:
        return np.zeros(1)
    chord = np.linalg.norm(rotation[1:] - rotation[:-1], axis=(1, 2))  # = 2 sqrt(2) sin(angle / 2)
    speed = np.degrees(2 * np.arcsin(np.clip(chord / math.sqrt(8), 0, 1)))
    return np.concatenate([speed[:1], speed])
