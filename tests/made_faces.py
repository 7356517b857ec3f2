"""Landmarks of a made-up face whose every measure is known."""

import numpy as np

from emo.face.mesh import (
    EYE_CORNERS,
    EYES,
    INNER_LIPS_MIDDLE,
    MOUTH_CORNERS,
    NUM_LANDMARKS,
    OUTER_EYE_CORNERS,
    RIGID,
    UPPER_BROWS,
)

EYES_APART = RIGID[OUTER_EYE_CORNERS[1]][0] - RIGID[OUTER_EYE_CORNERS[0]][0]  # of the canonical face


def turn(yaw: float = 0, pitch: float = 0, roll: float = 0) -> np.ndarray:
    """A rotation as `emo.face.HeadPose` states it, from degrees."""
    y, p, r = np.radians([-yaw, -pitch, roll])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rx = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    rz = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return rz @ ry @ rx


def made_face(
    *,
    opening: float = 0.1,
    width: float = 0.6,
    eyes: float = 0.3,
    gaze: tuple[float, float] = (0.0, 0.0),
    brow: float = 0.2,
    rotation: np.ndarray | None = None,
    size: float = 80.0,
    place: tuple[float, float, float] = (64.0, 64.0, 0.0),
) -> np.ndarray:
    """(478, 3): the canonical face with these measures, turned, enlarged and put in its place; the rest is noise."""
    points = np.random.default_rng(0).normal(0, 0.3, (NUM_LANDMARKS, 3))
    points[list(RIGID)] = list(RIGID.values())
    center = points[list(RIGID)].mean(0)
    half = opening * EYES_APART / 2
    points[INNER_LIPS_MIDDLE] = (0, 0.9 - half, -0.5), (0, 0.9 + half, -0.5)
    half = width * EYES_APART / 2
    points[MOUTH_CORNERS] = (-half, 0.9, -0.4), (half, 0.9, -0.4)
    for eye in EYES:
        outer, inner = points[eye.corners]
        wide, middle = np.linalg.norm(outer - inner), (outer + inner) / 2
        for upper, lower in eye.lids:
            half = np.array((0, eyes * wide / 2, 0))
            points[[upper, lower]] = middle - half, middle + half
        points[eye.iris] = middle + np.array([gaze[0], -gaze[1], 0]) * wide
    corners_y = points[EYE_CORNERS, 1].mean()
    points[[*UPPER_BROWS[0], *UPPER_BROWS[1]], 1] = corners_y - brow * EYES_APART
    return size * (points - center) @ (np.eye(3) if rotation is None else rotation).T + place
