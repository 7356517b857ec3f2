"""Samples by global number, endlessly: a reader of clips under a sampler, every draw by sample number."""

from functools import lru_cache
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
from torch.utils.data import Dataset

from emo.data.batch import Batch
from emo.data.format import ClipInfo
from emo.data.reader import ClipReader
from emo.data.samples.emo import EMOSampler

SampleT = TypeVar("SampleT")
SampleT_co = TypeVar("SampleT_co", covariant=True)


class ClipSampler(Protocol[SampleT_co]):
    """What is to be seen of a clip in one sample; one class per model."""

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator) -> SampleT_co:
        """Sample `index`, of clip `number`, all draws from `rng`."""
        ...


class SampledClips(Dataset[SampleT], Generic[SampleT]):
    """`dataset[g]` is the same for the same seed, whoever asks.

    Sample g shows clip g mod N of a permutation of the N clips, a new one for each round; all else is drawn by the
    sampler from (seed, g).

    Args:
        reader: of the clips.
        sampler: of the model.
        seed: of all draws.
    """

    def __init__(self, reader: ClipReader, sampler: ClipSampler[SampleT], seed: int = 0):
        self.reader = reader
        self.sampler = sampler
        self.seed = seed

    @property
    def clips(self) -> list[ClipInfo]:
        """Those used."""
        return self.reader.clips

    def __getitem__(self, index: int) -> SampleT:
        """Sample number `index`, any natural number.

        Raises:
            DatasetError: the clip's files are missing or damaged.
        """
        rounds, place = divmod(index, len(self.clips))
        number = int(_permutation(self.seed, rounds, len(self.clips))[place])
        rng = np.random.default_rng((0x5A391E, self.seed, index))
        return self.sampler.sample(self.reader, number, index, rng)


class ClipDataset(SampledClips[Batch]):
    """EMO's samples of one split.

    The arguments are those of `ClipReader` and `EMOSampler`; `cache` is a folder of latents and audio features to
    take in place of pictures and sound.

    Raises:
        DatasetError: the folder is damaged, no clip is long enough, or clips' sizes differ and `size` is not given.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        video: bool,
        targets: int = 1,
        num_frames: int = 12,
        num_motion_frames: int = 4,
        num_neighbors: int = 2,
        split: str = "train",
        seed: int = 0,
        size: int | None = None,
        cache: str | Path | None = None,
        max_speed: float | None = None,
    ):
        sampler = EMOSampler(video, targets, num_frames, num_motion_frames, num_neighbors)
        reader = ClipReader(
            root,
            split,
            min_frames=sampler.min_frames,
            max_speed=max_speed,
            with_sound=video,
            size=size,
            cache=cache,
        )
        super().__init__(reader, sampler, seed)


@lru_cache(maxsize=4)
def _permutation(seed: int, number: int, clips: int) -> np.ndarray:
    """The order of the clips in round `number`."""
    return np.random.default_rng((0x2071D, seed, number)).permutation(clips)
