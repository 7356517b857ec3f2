"""Coordinates of landmarks as frames of a motion (GAIA, 3.4: control by landmarks)."""

import os

import numpy as np
import torch
from torch import Tensor

from emo.face.landmark_map import PATHS
from emo.face.mesh import (
    EYES,
    LOWER_BROWS,
    LOWER_LIP_ROWS,
    NUM_LANDMARKS,
    OVAL,
    UPPER_BROWS,
    UPPER_LIP_ROWS,
)
from emo.motion.framed_landmarks import framed_landmarks
from emo.motion.space import Column, MotionSpace
from emo.motion.track import MotionTrack

CHANNELS = 2  # x and y
JAW = OVAL[11:26]  # of the outline, from beneath one ear to beneath the other
PARTS = {
    "mouth": sorted({*(n for row in (*UPPER_LIP_ROWS, *LOWER_LIP_ROWS) for n in row), *JAW}),
    "eyes": sorted({n for eye in EYES for n in (*eye.ring, *range(eye.iris, eye.iris + 5))}),
    "brows": sorted({n for brow in (*UPPER_BROWS, *LOWER_BROWS) for n in brow}),
    "nose": sorted({n for path, _ in PATHS for n in path}),
    "outline": sorted({*OVAL} - {*JAW}),
}
"""Landmarks that are drawn, by part of the face. The jaw moves with the mouth."""


def landmark_space() -> MotionSpace:
    """Of 478 landmarks: all x, then all y, as shares of the picture's sides."""
    names = [f"{axis}{number}" for axis in "xy" for number in range(NUM_LANDMARKS)]
    columns = tuple(Column(name, "of the picture's side", rest=0.5, mean=0.5, deviation=0.1) for name in names)
    parts = {part: tuple(f"{axis}{n}" for axis in "xy" for n in numbers) for part, numbers in PARTS.items()}
    return MotionSpace(columns, parts | {"landmarks": tuple(names)})


def landmark_values(points: np.ndarray) -> Tensor:
    """Landmarks (T, 478, 2) as shares of the picture's sides -> (T, 956) float32, as `landmark_space` has them."""
    return torch.from_numpy(points).float().mT.flatten(1)


def landmark_points(values: Tensor) -> np.ndarray:
    """What `landmark_values` was made of: (T, 956) -> (T, 478, 2)."""
    return values.unflatten(1, (CHANNELS, NUM_LANDMARKS)).mT.double().cpu().numpy()


def landmark_track(path: str | os.PathLike) -> MotionTrack:
    """Where a video's face has its landmarks; see `framed_landmarks`.

    Raises:
        VideoError: it cannot be read.
        FaceError: no frame shows a face.
    """
    points, fps = framed_landmarks(path)
    return MotionTrack(landmark_values(points), fps, landmark_space())
