"""What a real face does, as controls: read from its landmarks frame by frame, without smoothing.

Head, brows, smile and gaze are read against the clip's own median, since everybody rests at another reading; mouth and
lids against shut lips and open eyes. How true the readings are: docs/motion.md.
"""

import os
import warnings
from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from emo.errors import EmoWarning
from emo.face import FACE_SHARE, FaceTrack, rotations, track_face
from emo.face.measures import (
    OPEN_PERCENTILE,
    brow,
    check_landmarks,
    eye_opening,
    gaze,
    mouth_opening,
    mouth_width,
    shut_share,
)
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
ANGLES = ("yaw", "pitch", "roll")
CHUNK = 32  # frames decoded at a time


def read_video(path: str | os.PathLike) -> tuple[Tensor, Fraction]:
    """Controls (T, 14) of the one face of a video, in the space of `CONTROLS`, and its frame rate.

    Raises:
        VideoError: it cannot be read.
        FaceError: no frame shows a face.
    """
    with VideoReader(os.fspath(path)) as video:
        return read_landmarks(followed(video, path).landmarks), video.fps


def followed(video: VideoReader, path: str | os.PathLike) -> FaceTrack:
    """The one face of a video; a warning counts the frames without.

    Raises:
        FaceError: no frame shows a face.
    """
    track = track_face(frames_of(video), name=str(path))
    if missed := int((~track.found).sum()):
        warnings.warn(
            EmoWarning(f"{path}: no face in {missed} of {len(track)} frames, whose motion is interpolated"),
            stacklevel=4,
        )
    return track


def read_landmarks(landmarks: np.ndarray) -> Tensor:
    """Controls (T, 14) of one face in the space of `CONTROLS`.

    The head's place and size are told as in a picture whose face has the default framing.

    Args:
        landmarks: (T, 478, 3) in pixels, as `track_face` gives.
    """
    readings = face_readings(landmarks)
    return controls_from(readings, rest_of(readings))


def face_readings(landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """What is seen of a face in each frame, (T, 478, 3) -> (T,) each, however it rests.

    Returns:
        yaw, pitch, roll in degrees; x, y in pixels of the point in the neck about which heads turn, so that a turn is
        no shift; size of the head and height of the face's oval as it looks straight ahead, in pixels; and by the
        measures of `emo.face.measures` opening and spread of the mouth, lift of its corners, across and up where the
        eyes look, lids and brow.
    """
    points = check_landmarks(landmarks)
    turned = rotations(points)
    yaw, pitch, roll = _angles(turned)
    place, size = _place(points, turned)
    across, up = gaze(points)
    return {
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
        "x": place[:, 0],
        "y": place[:, 1],
        "size": size,
        "height": np.ptp((points @ turned)[:, OVAL, 1], axis=1),
        "opening": mouth_opening(points),
        "spread": mouth_width(points),
        "lift": _corner_lift(points @ turned),
        "across": across,
        "up": up,
        "lids": eye_opening(points),
        "brow": brow(points),
    }


def rest_of(readings: Mapping[str, np.ndarray]) -> dict[str, float]:
    """How a face rests that was seen for a while: the median of each of its `face_readings`, of the lids how far they
    are when open."""
    rest = {name: float(np.median(values)) for name, values in readings.items()}
    return rest | {"lids": float(np.percentile(readings["lids"], OPEN_PERCENTILE))}


def controls_from(readings: Mapping[str, np.ndarray], rest: Mapping[str, float]) -> Tensor:
    """Controls (T, 14) in the space of `CONTROLS` of a face that rests as told; see `read_landmarks`."""
    relative = _about_angles(*(readings[name] for name in ANGLES)) @ _about_angles(*(rest[name] for name in ANGLES)).T
    yaw, pitch, roll = _angles(relative)
    half = rest["height"] / FACE_SHARE / 2
    spread = readings["spread"] / rest["spread"] - 1
    columns = {
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
        "tx": (readings["x"] - rest["x"]) / half,
        "ty": (rest["y"] - readings["y"]) / half,
        "scale": readings["size"] / rest["size"],
        "jaw": (readings["opening"] - SHUT).clip(0) / (WIDE - SHUT),
        "width": (spread / SPREAD).clip(0, 1),
        "rounding": (-spread / ROUND).clip(0, 1),
        "gaze_x": (readings["across"] - rest["across"]) / FULL_LOOK[0],
        "gaze_y": (readings["up"] - rest["up"]) / FULL_LOOK[1],
        "blink": shut_share(readings["lids"], rest["lids"]),
        "brow": (readings["brow"] - rest["brow"]) / FULL_RAISE,
        "smile": (readings["lift"] - rest["lift"]) / LIFT,
    }
    return torch.from_numpy(np.stack([columns[name] for name in CONTROLS.names], 1)).float()


def frames_of(video: VideoReader) -> Iterator[np.ndarray]:
    """All of its frames, a few of them in memory."""
    for start in range(0, len(video), CHUNK):
        yield from video.read(range(start, min(start + CHUNK, len(video))))


def _place(points: np.ndarray, turned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the neck is, (T, 2), and the head's size (T,), in pixels."""
    rigid = points[:, list(RIGID)]
    center = rigid.mean(1, keepdims=True)
    canonical = np.array(list(RIGID.values()))
    canonical = (canonical - canonical.mean(0)) @ turned.transpose(0, 2, 1)
    size = ((rigid - center) * canonical).sum((1, 2)) / (canonical**2).sum((1, 2))
    return (center[:, 0] + size[:, None] * (turned @ NECK))[:, :2], size


def _angles(turned: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Yaw, pitch, roll (T,) in degrees of rotations (T, 3, 3), as `emo.face.HeadPose` has them."""
    yaw = np.arcsin(turned[:, 2, 0].clip(-1, 1))
    pitch = np.arctan2(-turned[:, 2, 1], turned[:, 2, 2])
    roll = np.arctan2(turned[:, 1, 0], turned[:, 0, 0])
    return np.degrees(yaw), np.degrees(pitch), np.degrees(roll)


def _about_angles(yaw: np.ndarray | float, pitch: np.ndarray | float, roll: np.ndarray | float) -> np.ndarray:
    """Rz(roll) Ry(-yaw) Rx(-pitch), (T, 3, 3) or (3, 3), from degrees (T,) or of one pose."""
    y, p, r = np.radians(yaw), np.radians(pitch), np.radians(roll)
    zero, one = np.zeros_like(y), np.ones_like(y)
    x_axis = [[one, zero, zero], [zero, np.cos(p), np.sin(p)], [zero, -np.sin(p), np.cos(p)]]
    y_axis = [[np.cos(y), zero, -np.sin(y)], [zero, one, zero], [np.sin(y), zero, np.cos(y)]]
    z_axis = [[np.cos(r), -np.sin(r), zero], [np.sin(r), np.cos(r), zero], [zero, zero, one]]
    x, y, z = (np.moveaxis(np.array(axis), (0, 1), (-2, -1)) for axis in (x_axis, y_axis, z_axis))
    return z @ y @ x


def _corner_lift(head: np.ndarray) -> np.ndarray:
    """How far the mouth's corners stand above the lips' middle, in widths of the mouth.

    Of a head that looks straight ahead, (T, 478, 3) -> (T,).
    """
    corners = head[:, MOUTH_CORNERS]
    width = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)
    upper = head[:, INNER_LIPS_MIDDLE[0], 1]  # the lower lip follows the jaw
    return (upper - corners[..., 1].mean(1)) / width
