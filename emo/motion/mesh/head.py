"""Where a portrait's head is, and where its points come to stand as it turns, moves and nears."""

from dataclasses import dataclass

import numpy as np
import torch

from emo.face import FACE_SHARE, head_pose
from emo.face.mesh import OVAL, RIGID
from emo.motion.reading import NECK
from emo.motion.rotation import rotation

FLIP = np.array([1.0, -1.0, -1.0])  # y up, z to the camera -> y down, z away
FOCAL = 4.5  # of the face's width: distance of the camera
YAW, PITCH, ROLL = 25.0, 20.0, 30.0  # degrees by which a head turns away from the portrait's at most
LAST_YAW = 45.0  # degrees from the camera; beyond, nothing of the far side was ever seen
LEAST = 8.0  # degrees that every head can turn
NO_WAY_BACK = 50.0  # degrees of the portrait's own yaw at which nothing of the far side can be laid bare
KNEE = 0.6  # of a limit, up to which angles are taken as they are


@dataclass(frozen=True)
class Turn:
    """A head over T frames against the portrait's, in the camera's axes: x right, y down, z away.

    Attributes:
        matrix: (T, 3, 3), rotations.
        scale: (T,).
        shift: (T, 2) pixels.
    """

    matrix: np.ndarray
    scale: np.ndarray
    shift: np.ndarray


class Head:
    """The head of one portrait.

    Args:
        landmarks: (478, 3) in the portrait's pixels.

    Attributes:
        rest: (3, 3), its rotation from one that looks straight ahead.
        pivot: (3,) pixels and depth, about which it turns.
        points: (478, 3) the landmarks about the pivot as on a face that looks straight ahead.
        width: of the face's oval there, in pixels.
        height: of the same.
    """

    def __init__(self, landmarks: np.ndarray):
        pose = head_pose(landmarks)
        self.rest = pose.rotation
        self._yaw = pose.yaw
        straight = landmarks @ self.rest
        low, high = straight[OVAL].min(0), straight[OVAL].max(0)
        self.width, self.height = (float(side) for side in (high - low)[:2])
        neck = straight[list(RIGID)].mean(0) + pose.size * NECK
        self.pivot = self.rest @ neck
        self.points = straight - neck
        self._unit = self.height / FACE_SHARE / 2  # half the side of a picture in the default framing

    def turn(self, control: dict[str, np.ndarray]) -> Turn:
        """What controls (T,) make of the head; angles that would show too much of what the portrait hides are held."""
        out, back = (
            np.clip(LAST_YAW - abs(self._yaw), LEAST, YAW),
            max(YAW * (1 - (self._yaw / NO_WAY_BACK) ** 2), LEAST),
        )
        left, right = (back, out) if self._yaw > 0 else (out, back)
        yaw = np.where(control["yaw"] > 0, held(control["yaw"], right), held(control["yaw"], left))
        angles = yaw, held(control["pitch"], PITCH), held(control["roll"], ROLL)
        matrix = rotation(*(torch.from_numpy(angle) for angle in angles)).numpy() * FLIP * FLIP[:, None]
        shift = np.stack([control["tx"], -control["ty"]], 1) * self._unit
        return Turn(matrix, control["scale"], shift)

    def place(self, points: np.ndarray, turn: Turn) -> np.ndarray:
        """Points (T, n, 3), as `points`, in the picture: pixels and depth."""
        start = points @ self.rest.T
        turned = self.turned(start, turn.matrix)
        turned[..., :2] = turned[..., :2] * turn.scale[:, None, None] + turn.shift[:, None]
        return turned + self.pivot

    def turned(self, start: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Points (..., n, 3) about the pivot in the camera's axes, turned by matrices (..., 3, 3), in perspective."""
        turned = start @ np.swapaxes(matrix, -1, -2)
        focal = FOCAL * self.width
        turned[..., :2] *= (focal + start[..., 2:]) / (focal + turned[..., 2:])
        return turned

    def linear(self, turn: Turn) -> np.ndarray:
        """How a small piece of the portrait that faces as the head does is turned in the picture, (T, 2, 2)."""
        there = (turn.matrix @ self.rest)[:, :2, :2] * turn.scale[:, None, None]
        return there @ np.linalg.inv(self.rest[:2, :2])


def held(angle: np.ndarray, limit: float) -> np.ndarray:
    """Angles that come near a limit ever more slowly."""
    knee = KNEE * limit
    beyond = np.abs(angle) - knee
    rest = limit - knee
    return np.where(beyond > 0, np.sign(angle) * (knee + rest * np.tanh(beyond / rest)), angle)
