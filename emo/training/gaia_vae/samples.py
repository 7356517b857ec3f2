"""Pairs of frames of one clip, as GAIA's autoencoder learns from them (4.1)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.data import ClipReader
from emo.data.sample_batch import SampleBatch
from emo.data.samples.landmarks import LANDMARKS
from emo.errors import DatasetError
from emo.face.landmark_map import landmark_map
from emo.training.reference_decoder.samples import MIRRORED


@dataclass(frozen=True)
class FramePairs(SampleBatch):
    """B pairs.

    Attributes:
        index: (B,) int64, sample numbers.
        appearance: frames i, uint8 (B, 3, S, S).
        frames: frames j, the same.
        landmark_maps: `landmark_map`s of frames j, the same.
        points: `emo.data.format.FACE_POINTS` of frames j in their pixels, (B, 7, 2).
        clips: B names, for messages.
    """

    appearance: Tensor
    frames: Tensor
    landmark_maps: Tensor
    points: Tensor
    clips: tuple[str, ...]


@dataclass(frozen=True)
class FramePairSampler:
    """Draws two frames anywhere in a clip; see `emo.data.ClipSampler`.

    Attributes:
        mirror: share of the pairs that are mirrored.
    """

    mirror: float

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator) -> FramePairs:
        """Sample `index`, of clip `number`.

        Raises:
            DatasetError: the clip is damaged, or no frame shows a face.
        """
        clip, (height, width) = reader.clips[number], (reader.height, reader.width)
        landmarks = reader.cached(number, [LANDMARKS])[LANDMARKS].numpy()
        seen = np.flatnonzero(np.isfinite(landmarks).all((1, 2)))
        if not len(seen):
            raise DatasetError(f"{reader.path(number)}: no frame shows a face; take the clip out of the dataset")
        appearance, shown = int(rng.integers(clip.frames)), int(rng.choice(seen))
        places = sorted({appearance, shown})
        pictures = reader.frames(number, places)[[places.index(appearance), places.index(shown)]]
        drawn = landmark_map(landmarks[shown] * [width, height], height, width)
        shares = reader.label(number, "points")[shown] / [clip.width, clip.height]
        points, maps = torch.from_numpy(np.float32(shares * [width, height])), torch.from_numpy(drawn).movedim(-1, 0)
        if rng.random() < self.mirror:
            pictures, maps = pictures.flip(-1), maps.flip(-1)
            points = points * torch.tensor([-1.0, 1.0]) + torch.tensor([float(width), 0.0])
            points = points[MIRRORED]
        return FramePairs(
            index=torch.tensor([index]),
            appearance=pictures[:1],
            frames=pictures[1:],
            landmark_maps=maps[None],
            points=points[None],
            clips=(f"{clip.split}/{clip.file_name} frames {appearance} and {shown}",),
        )
