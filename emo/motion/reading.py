"""What a real face does, as controls: read from its landmarks frame by frame, without smoothing.

Head, brows, smile and gaze are read against the clip's own median, since everybody rests at another reading; mouth and
lids against shut lips and open eyes. How true the readings are: docs/motion.md.
"""

import os
import warnings
from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np
import torch
from torch import Tensor

from emo.errors import EmoWarning
from emo.face import FACE_SHARE, rotations, track_face
from emo.face.measures import blink, brow, check_landmarks, gaze, mouth_opening, mouth_width
from emo.face.mesh import INNER_LIPS_MIDDLE, MOUTH_CORNERS, OVAL, RIGID
from emo.media import VideoReader
from emo.motion.space import CONTROLS

FULL_LOOK = (0.13, 0.055)
"""Widths of an eye by which irises move aside and up where a gaze is 1."""

FULL_RAISE = 0.05
"""Eye distances by which brows move where a brow is 1."""

NECK = np.array([0.0, 0.73, 0.76])
"""From the middle of the rigid landmarks to the point about which heads turn, on a face that looks straight ahead, in
distances of the eyes' centers."""

SHUT = 0.01  # eye distances: opening that is read of shut lips
WIDE = 0.19  # eye distances between the lips at a jaw of 1
SPREAD = 0.13  # of the mouth's width, by which it grows at a width of 1
ROUND = 0.30  # of the mouth's width, by which it shrinks at a rounding of 1
LIFT = 0.07  # of the mouth's width, by which corners rise at a smile of 1
CHUNK = 32  # frames decoded at a time


def read_video(path: str | os.PathLike) -> tuple[Tensor, Fraction]:
    """Controls (T, 14) of the one face of a video, in the space of `CONTROLS`, and its frame rate.

    Raises:
        VideoError: it cannot be read.
        FaceError: no frame shows a face.
    """
    with VideoReader(os.fspath(path)) as video:
        track = track_face(_frames(video), name=str(path))
        missed = int((~track.found).sum())
        if missed:
            warnings.warn(
                EmoWarning(f"{path}: no face in {missed} of {len(track)} frames, whose motion is interpolated"),
                stacklevel=3,
            )
        return read_landmarks(track.landmarks), video.fps


def read_landmarks(landmarks: np.ndarray) -> Tensor:
    """Controls (T, 14) of one face in the space of `CONTROLS`.

    The head's place and size are told as in a picture whose face has the default framing.

    Args:
        landmarks: (T, 478, 3) in pixels, as `track_face` gives.
    """
    points = check_landmarks(landmarks)
    yaw, pitch, roll, place, size = _head(points)
    half = np.median(_face_height(points)) / FACE_SHARE / 2
    shift = (place - np.median(place, 0)) / half
    opening = mouth_opening(points)
    across, up = gaze(points)
    spread = mouth_width(points)
    spread = spread / np.median(spread) - 1
    columns = {
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
        "tx": shift[:, 0],
        "ty": -shift[:, 1],
        "scale": size / np.median(size),
        "jaw": (opening - SHUT).clip(0) / (WIDE - SHUT),
        "width": (spread / SPREAD).clip(0, 1),
        "rounding": (-spread / ROUND).clip(0, 1),
        "gaze_x": _from_rest(across) / FULL_LOOK[0],
        "gaze_y": _from_rest(up) / FULL_LOOK[1],
        "blink": blink(points),
        "brow": _from_rest(brow(points)) / FULL_RAISE,
        "smile": _from_rest(_corner_lift(points)) / LIFT,
    }
    return torch.from_numpy(np.stack([columns[name] for name in CONTROLS.names], 1)).float()


def _frames(video: VideoReader) -> Iterator[np.ndarray]:
    for start in range(0, len(video), CHUNK):
        yield from video.read(range(start, min(start + CHUNK, len(video))))


def _from_rest(readings: np.ndarray) -> np.ndarray:
    return readings - np.median(readings, axis=0)


def _head(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Yaw, pitch, roll (T,) in degrees against the head's median pose; place (T, 2) and size (T,) in pixels.

    The place is that of the point in the neck about which heads turn, so that a turn is no shift.
    """
    turned = rotations(points)
    rest = _about_angles(*(float(np.median(angle)) for angle in _angles(turned)))
    rigid = points[:, list(RIGID)]
    center = rigid.mean(1, keepdims=True)
    canonical = np.array(list(RIGID.values()))
    canonical = (canonical - canonical.mean(0)) @ turned.transpose(0, 2, 1)
    size = ((rigid - center) * canonical).sum((1, 2)) / (canonical**2).sum((1, 2))
    place = center[:, 0] + size[:, None] * (turned @ NECK)
    return *_angles(turned @ rest.T), place[:, :2], size


def _angles(turned: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Yaw, pitch, roll (T,) in degrees of rotations (T, 3, 3), as `emo.face.HeadPose` has them."""
    yaw = np.arcsin(turned[:, 2, 0].clip(-1, 1))
    pitch = np.arctan2(-turned[:, 2, 1], turned[:, 2, 2])
    roll = np.arctan2(turned[:, 1, 0], turned[:, 0, 0])
    return np.degrees(yaw), np.degrees(pitch), np.degrees(roll)


def _about_angles(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rz(roll) Ry(-yaw) Rx(-pitch), (3, 3), from degrees."""
    vectors = np.radians([(0, 0, roll), (0, -yaw, 0), (-pitch, 0, 0)])
    z, y, x = (cv2.Rodrigues(vector)[0] for vector in vectors)
    return z @ y @ x


def _face_height(points: np.ndarray) -> np.ndarray:
    """Of the face's oval as it looks straight ahead, (T,) pixels."""
    return np.ptp((points @ rotations(points))[:, OVAL, 1], axis=1)


def _corner_lift(points: np.ndarray) -> np.ndarray:
    """How far the mouth's corners stand above the lips' middle in the head, in widths of the mouth, (T,)."""
    head = points @ rotations(points)
    corners = head[:, MOUTH_CORNERS]
    width = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)
    upper = head[:, INNER_LIPS_MIDDLE[0], 1]  # the lower lip follows the jaw
    return (upper - corners[..., 1].mean(1)) / width
