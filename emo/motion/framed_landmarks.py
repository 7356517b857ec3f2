"""The landmarks of a video's face, framed once for all of its frames as a portrait is."""

import os
from fractions import Fraction

import numpy as np

from emo.face import Crop, landmark_box
from emo.media import VideoReader
from emo.motion.reading import followed


def framed_landmarks(path: str | os.PathLike) -> tuple[np.ndarray, Fraction]:
    """Where the one face of a video has its landmarks, and the video's rate.

    Frames without a face are interpolated; an EmoWarning counts them.

    Returns:
        (T, 478, 2) float64, x and y as shares of the sides of the square that a portrait is cut to.

    Raises:
        VideoError: it cannot be read.
        FaceError: no frame shows a face.
    """
    with VideoReader(os.fspath(path)) as video:
        return framed_points(followed(video, path).landmarks, (video.height, video.width)), video.fps


def framed_points(landmarks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Landmarks (T, 478, 3), in pixels of pictures of a height and a width, as `framed_landmarks` has them."""
    crop = Crop.around(landmark_box(np.median(landmarks, 0)), size, height=1, width=1)
    return crop.place(landmarks[..., :2])
