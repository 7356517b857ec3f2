"""How a head turns: its angles and its rotation speed (3.2.5, Table 2), cleared of what FaceMesh adds.

FaceMesh's whole face nods when its mouth or lids move, whichever landmarks are aligned. What of the pitch follows
mouth and lids frame by frame is therefore estimated on the track itself and taken out. How true both are:
docs/measures.md.
"""

from typing import NamedTuple

import numpy as np

from emo.errors import EmoError
from emo.face import angular_speed, rotations, smooth
from emo.face.measures import check_landmarks, eye_opening, mouth_opening, mouth_width

SIGMA = 2.0
"""Frames, standard deviation, over which landmarks are smoothed."""

RIDGE = 1e-3
"""Of the fit, in squared units of mouth motion: a mouth that hardly moves explains nothing."""

FLOOR = 0.35
"""What smoothing leaves of the raw noise; see docs/measures.md."""

NEIGHBORHOOD = 4.0
"""Frames, standard deviation, over which speed is compared with the floor."""


class HeadAngles(NamedTuple):
    """A head's angles as `emo.face.HeadPose` has them.

    Attributes:
        yaw: (T,) degrees.
        pitch: (T,) degrees.
        roll: (T,) degrees.
    """

    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray


def head_angles(landmarks: np.ndarray) -> HeadAngles:
    """Where a head is turned, (T, 478, 3) -> yaw, pitch, roll (T,) each in degrees, smoothed.

    Every face has a pitch offset of its own: compare pitch within a person.
    """
    rotation = steady_rotations(landmarks)
    return HeadAngles(
        yaw=np.degrees(np.arcsin(np.clip(rotation[:, 2, 0], -1, 1))),
        pitch=np.degrees(np.arctan2(-rotation[:, 2, 1], rotation[:, 2, 2])),
        roll=np.degrees(np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])),
    )


def pose_change(angles: HeadAngles) -> float:
    """Delta P of VASA-1: mean change of the pose's angles from frame to frame, in degrees, over three angles.

    Raises:
        EmoError: there are fewer than two frames.
    """
    if len(angles.yaw) < 2:
        raise EmoError("a pose can only change over two frames or more")
    return float(np.abs(np.diff(np.stack(angles), axis=1)).mean())


def rotation_speed(landmarks: np.ndarray) -> np.ndarray:
    """Head rotation speed w of 3.2.5 in degrees per frame, (T, 478, 3) -> (T,); frame 0 repeats frame 1's.

    The geodesic angle between consecutive `steady_rotations`, less the noise floor in quadrature: what white noise in
    the raw rotations leaves after smoothing. The noise is measured on the track itself, so that large, sharp faces
    are not robbed of slow motion.

    Of rotations as they are, without smoothing and without the floor: `emo.face.angular_speed`.
    """
    landmarks = check_landmarks(landmarks)
    speed = angular_speed(steady_rotations(landmarks))
    floor = FLOOR * _noise(landmarks)
    power = smooth(speed**2, NEIGHBORHOOD)
    return speed * np.sqrt(np.clip(1 - floor**2 / np.maximum(power, 1e-12), 0, 1))


def steady_rotations(landmarks: np.ndarray) -> np.ndarray:
    """Smoothed head rotations without the nodding that follows mouth and lids, (T, 478, 3) -> (T, 3, 3)."""
    landmarks = _smooth_twice(check_landmarks(landmarks))
    rotation = rotations(landmarks)
    moving = np.stack([mouth_opening(landmarks), mouth_width(landmarks), eye_opening(landmarks)], 1)
    turn = rotation[:-1].transpose(0, 2, 1) @ rotation[1:]  # from frame to frame, in the head's own axes
    nod = (turn[:, 2, 1] - turn[:, 1, 2]) / 2
    moved = np.diff(moving, axis=0)
    follow = np.linalg.solve(moved.T @ moved + RIDGE * np.eye(3), moved.T @ nod)  # radians per unit
    return rotation @ _about_x(-(moving - moving.mean(0)) @ follow)


def _smooth_twice(landmarks: np.ndarray) -> np.ndarray:
    """Smoothed, and what that took smoothed and put back: as little noise, and swings of 1 Hz keep their width."""
    once = smooth(landmarks, SIGMA)
    return once + smooth(landmarks - once, SIGMA)


def _noise(landmarks: np.ndarray) -> float:
    """Standard deviation of the white noise in the raw rotations, all axes together, in degrees.

    From third differences, in which a head's own motion is small: their variance is 20 times the noise's.
    """
    jerk = np.diff(rotations(landmarks), n=3, axis=0)
    return float(np.degrees(np.sqrt((jerk**2).sum() / 2 / 20 / max(len(jerk), 1))))


def _about_x(angles: np.ndarray) -> np.ndarray:
    """Rotations about x by radians, (T,) -> (T, 3, 3)."""
    zero = np.zeros_like(angles)
    one = np.ones_like(angles)
    cos = np.cos(angles)
    sin = np.sin(angles)
    return np.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], -1).reshape(-1, 3, 3)
