"""Where the landmarks of every clip's face are, kept: those it is labeled with, or what FaceMesh finds."""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from emo.data.features import CachedFeature
from emo.data.format import reading_clips
from emo.data.reader import ClipReader
from emo.data.synthetic.find_landmarks import find_landmarks
from emo.face import FaceDetector
from emo.face.mesh import NUM_LANDMARKS
from emo.media import VideoReader

LANDMARKS = "landmarks"


def landmark_feature() -> CachedFeature:
    """What `clip_landmarks` gives, under the name `landmarks`."""
    return CachedFeature({LANDMARKS: _FaceMesh()}, clip_landmarks)


class _FaceMesh(nn.Module):
    """Stands for what finds landmarks in the name of the cache."""

    config: ClassVar = {"landmarks": NUM_LANDMARKS}


def clip_landmarks(reader: ClipReader, number: int) -> Tensor | None:
    """Of all frames, x and y as shares of the picture's sides, (T, 478, 2) float32; NaN in frames that show no face;
    None for tracks that are not labeled with them.

    Raises:
        DatasetError: the clip is damaged.
    """
    clip = reader.clips[number]
    points = reader.labels(number).get(LANDMARKS)
    if points is None and not clip.has_pictures:
        return None
    if points is None:
        with reading_clips(), VideoReader(reader.path(number), own=True) as video, FaceDetector() as detector:
            points = find_landmarks(video.read(range(clip.frames)), detector)
    return torch.from_numpy(np.float32(points[..., :2] / np.array([clip.width, clip.height])))
