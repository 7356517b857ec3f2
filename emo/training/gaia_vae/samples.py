"""Pairs of frames of one clip, as GAIA's autoencoder learns from them (4.1)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from emo.data import ClipReader
from emo.data.sample_batch import SampleBatch
from emo.data.samples.landmarks import LANDMARKS
from emo.data.synthetic.reference_pairs import read_pairs
from emo.data.synthetic.relight import draw_colors
from emo.errors import DatasetError
from emo.face.landmark_map import landmark_map
from emo.search import find_files
from emo.training.gaia_vae.config import FramePairConfig
from emo.training.reference_decoder.samples import MIRRORED, place_in_round


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


def frame_pair(
    index: int,
    pictures: np.ndarray,
    landmarks: np.ndarray,
    points: np.ndarray,
    name: str,
    config: FramePairConfig | None,
    rng: np.random.Generator,
) -> FramePairs:
    """One pair.

    Args:
        index: its sample number.
        pictures: frames i and j, (2, S, S, 3) uint8.
        landmarks: of frame j in its pixels, (478, 2).
        points: `FACE_POINTS` of it, (7, 2).
        name: for messages.
        config: how pairs are changed; None where they are not.
        rng: of the draws.
    """
    height, width = pictures.shape[1:3]
    maps = landmark_map(landmarks, height, width)
    if config and rng.random() < config.mirror:
        pictures, maps = pictures[:, :, ::-1], maps[:, ::-1]
        points = (points * [-1, 1] + [width, 0])[MIRRORED]
    if config and rng.random() < config.color:
        change = draw_colors(rng)
        pictures = np.stack([change(picture) for picture in pictures])
    appearance, shown, drawn = (
        torch.from_numpy(np.ascontiguousarray(picture)).movedim(-1, 0)[None] for picture in (*pictures, maps)
    )
    return FramePairs(
        index=torch.tensor([index]),
        appearance=appearance,
        frames=shown,
        landmark_maps=drawn,
        points=torch.from_numpy(np.float32(points))[None],
        clips=(name,),
    )


@dataclass(frozen=True)
class FramePairSampler:
    """Draws two frames anywhere in a clip; see `emo.data.ClipSampler`.

    Attributes:
        config: how pairs are changed; None where they are not.
    """

    config: FramePairConfig | None

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
        points = reader.label(number, "points")[shown] / [clip.width, clip.height] * [width, height]
        name = f"{clip.split}/{clip.file_name} frames {appearance} and {shown}"
        drawn = pictures.movedim(1, -1).numpy()
        return frame_pair(index, drawn, landmarks[shown] * [width, height], points, name, self.config, rng)


class PairFileSamples(Dataset[FramePairs]):
    """Two of the frames beside a reference and the reference itself, by sample number, endlessly.

    Args:
        folder: of pairs with landmarks.
        split: "train" or "test".
        size: pixels of the frames.
        config: how pairs are changed; None where they are not, and files are taken in their order.
        seed: of all draws.

    Raises:
        OptionError: there are none.
        DatasetError: the first are of another size, or without landmarks.
    """

    def __init__(self, folder: str, split: str, size: int, config: FramePairConfig | None, seed: int):
        self.paths = find_files(Path(folder) / split, (".safetensors",), "data.pairs")
        self.config = config
        self.seed = seed
        first = read_pairs(self.paths[0])
        if first.landmarks is None:
            raise DatasetError(f"{folder} tells no landmarks; train/reference_decoder_data.py --landmarks adds them")
        if first.reference.shape[:2] != (size, size):
            raise DatasetError(f"{folder} has frames of {first.reference.shape[0]} pixels; this model's have {size}")

    def __getitem__(self, index: int) -> FramePairs:
        count = len(self.paths)
        path = self.paths[place_in_round(index, count, (0x6A1A, self.seed)) if self.config else index % count]
        rng = np.random.default_rng((0x6A1B, self.seed, index))
        pairs = read_pairs(path)
        assert pairs.landmarks is not None
        seen = np.flatnonzero(np.isfinite(pairs.landmarks[1:]).all((1, 2)))  # the reference has no points
        if not len(seen):
            raise DatasetError(f"{path}: no frame shows a face; take the file out of the folder")
        shown = int(rng.choice(seen))
        pictures = np.stack([pairs.reference, *pairs.frames])
        appearance = int(rng.integers(len(pictures)))
        name = f"{path.stem} frames {appearance} and {shown + 1}"
        landmarks, points = pairs.landmarks[shown + 1], pairs.points[shown]
        return frame_pair(index, pictures[[appearance, shown + 1]], landmarks, points, name, self.config, rng)
