"""Head pose and head rotation speed from landmarks (3.2.5, 4.1)."""

import math
from dataclasses import dataclass

import numpy as np

from emo.face.mesh import RIGID

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
