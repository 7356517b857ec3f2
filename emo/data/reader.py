"""The clips of a dataset by number: frames, labels, sound, and what a cache holds of them."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from emo.data.cache import load_cached
from emo.data.format import label_names, load_labels, read_metadata, reading_clips
from emo.errors import DatasetError
from emo.media import SAMPLE_RATE, AudioTrack, VideoReader


class ClipReader:
    """Reads the clips of one split that can be used.

    Args:
        root: folder of the dataset; see `emo.data.format`.
        split: "train" or "test".
        min_frames: clips of fewer frames are left out.
        max_speed: degrees per frame; clips whose heads turn faster on the whole are left out.
        with_sound: whether silent clips are left out.
        with_labels: clips that have not all of these labels are left out.
        size: pixels to which clips of another size are scaled; by default they stay, and must all be alike.
        cache: folder of a complete cache, for `cached`.

    Attributes:
        clips: those used, in the table's order; their place is their number.
        left_out: how many are too short or too fast, or lack sound or labels that are needed.
        height: of the frames, in pixels.
        width: of the frames, in pixels.

    Raises:
        DatasetError: the folder is damaged, no clip is long enough, or clips' sizes differ and `size` is not given.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        *,
        min_frames: int = 1,
        max_speed: float | None = None,
        with_sound: bool = False,
        with_labels: Collection[str] = (),
        size: int | None = None,
        cache: str | Path | None = None,
    ):
        self.root = Path(root)
        self.split = split
        self.cache = None if cache is None else Path(cache)
        rows = read_metadata(self.root, split)
        self.clips = [clip for clip in rows if clip.frames >= min_frames and (clip.has_audio or not with_sound)]
        if max_speed is not None:
            self.clips = [clip for clip in self.clips if clip.speed <= max_speed]
        if with_labels:
            folder, wanted = self.root / split, set(with_labels)
            self.clips = [clip for clip in self.clips if label_names(folder / clip.labels) >= wanted]
        self.left_out = len(rows) - len(self.clips)
        if not self.clips:
            kind = "with sound, " if with_sound else ""
            slow = "" if max_speed is None else f", at most {max_speed:g} degrees per frame"
            kind += f"labeled with {', '.join(with_labels)}, " if with_labels else ""
            raise DatasetError(
                f"{self.root}/{split}: none of {len(rows)} clips is usable ({kind}{min_frames} frames or more{slow})"
            )
        sizes = {(clip.height, clip.width) for clip in self.clips} if size is None else {(size, size)}
        if len(sizes) > 1:
            raise DatasetError(
                f"{self.root}/{split}: clips of different sizes, {sorted(sizes)}; give a size to scale to"
            )
        self.height, self.width = sizes.pop()

    def __len__(self) -> int:
        return len(self.clips)

    def path(self, number: int) -> Path:
        """A clip's video file, or of a track the sound file."""
        return self.root / self.split / self.clips[number].file_name

    def _video(self, number: int) -> Path:
        """A clip's video file.

        Raises:
            DatasetError: it is a track.
        """
        if not self.clips[number].has_pictures:
            raise DatasetError(
                f"{self.path(number)} is a track without pictures; draw it: emo synthesize without --tracks"
            )
        return self.path(number)

    def labels(self, number: int) -> dict[str, np.ndarray]:
        """All labels of a clip by name, each (T, ...); places in pixels of the file, not of `frames`.

        Raises:
            DatasetError: the label file is missing or damaged.
        """
        clip = self.clips[number]
        return load_labels(self.root / self.split / clip.labels, clip.frames)

    def label(self, number: int, name: str) -> np.ndarray:
        """One label of a clip, (T, ...).

        Raises:
            DatasetError: the label file is missing or damaged, or does not hold this label.
        """
        labels = self.labels(number)
        if name not in labels:
            raise DatasetError(
                f"{self.root / self.split / self.clips[number].labels} has no label {name}: it was made by an earlier "
                "version, or by something else; make the dataset again"
            )
        return labels[name]

    def frames(self, number: int, places: Sequence[int]) -> Tensor:
        """Frames of a clip by their places, uint8 (N, 3, height, width) RGB.

        Raises:
            DatasetError: the video is missing, damaged or too short, or the clip is a track.
        """
        clip = self.clips[number]
        path = self._video(number)
        with reading_clips(), VideoReader(path, own=True) as video:
            if video.num_frames < clip.frames:
                raise DatasetError(f"{path} has {video.num_frames} frames, its labels {clip.frames}; make it again")
            pictures = _scaled(video.read(places), self.height, self.width)
        return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))

    def batches(self, number: int, batch_size: int) -> Iterator[np.ndarray]:
        """All frames of a clip from the first on, uint8 (N, height, width, 3) RGB, up to `batch_size` at a time.

        Raises:
            DatasetError: the video is missing or damaged, or the clip is a track.
        """
        with reading_clips(), VideoReader(self._video(number), own=True) as video:
            for start in range(0, len(video), batch_size):
                places = range(start, min(start + batch_size, len(video)))
                yield _scaled(video.read(places), self.height, self.width)

    def waveform(self, number: int) -> Tensor:
        """A clip's whole sound, mono float32 (N,) at SAMPLE_RATE.

        Raises:
            DatasetError: it is missing or damaged.
        """
        with reading_clips(), AudioTrack.open(self.path(number), SAMPLE_RATE) as track:
            return torch.from_numpy(track.read(0, track.length))

    def cached(self, number: int, names: Sequence[str]) -> dict[str, Tensor]:
        """What the cache holds of a clip under these names, each (T, ...).

        Raises:
            DatasetError: it is not in the cache, or its file is damaged.
        """
        assert self.cache is not None, "read without a cache"
        return load_cached(self.cache, self.clips[number], names)


def _scaled(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """Frames uint8 (N, H, W, 3) at the size that training sees."""
    if frames.shape[1:3] == (height, width):
        return frames
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames])
