"""Coordinates of every clip's landmarks as frames of a motion, kept."""

from torch import Tensor

from emo.data.features import CachedFeature
from emo.data.reader import ClipReader
from emo.data.samples.landmarks import clip_landmarks, landmark_feature
from emo.motion.gaia.landmark_space import landmark_values
from emo.motion.gaps import fill_gaps

LANDMARK_VALUES = "landmark_values"


def landmark_value_feature() -> CachedFeature:
    """`landmark_values` (T, 956) of clips with faces, or with labels of landmarks, in the columns of `landmark_space`.
    Where a frame shows no face, landmarks are those between the frames around."""
    return CachedFeature(landmark_feature().modules, _values)


def _values(reader: ClipReader, number: int) -> Tensor | None:
    landmarks = clip_landmarks(reader, number)
    if landmarks is None or not (known := landmarks.isfinite().all(dim=(1, 2))).any():
        return None
    return landmark_values(fill_gaps(landmarks.numpy(), known.numpy()))
