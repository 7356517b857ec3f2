"""Clips from disk as samples of the three training stages (4.1): random access, every draw by sample number."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from emo.data.batch import Batch, Sound
from emo.data.cache import load_cached, scale_frames
from emo.data.format import FACE_POINTS, ClipInfo, load_labels, read_metadata, reading_clips
from emo.errors import DatasetError
from emo.face import union_mask
from emo.generation.windows import cut_windows
from emo.media import AudioTrack, VideoReader

SAMPLING_RATE = 16000
MOUTH_CORNERS = [FACE_POINTS.index("mouth_left"), FACE_POINTS.index("mouth_right")]
LIPS = [FACE_POINTS.index("upper_lip"), FACE_POINTS.index("lower_lip")]


class ClipDataset(Dataset[Batch]):
    """Samples by global number, endlessly: `dataset[g]` is the same for the same seed, whoever asks.

    Sample g shows clip g mod N of a permutation of the N clips, a new one for each round; where it is cut, and the
    reference picture, any frame of the clip, in stage 1 another than those shown, are drawn from (seed, g).

    Args:
        root: folder of the dataset; see `emo.data.format`.
        video: whether samples are n + F contiguous frames with sound and speed, or single ones (stage 1).
        targets: how many of them, in stage 1, for one reference.
        num_frames, num_motion_frames, num_neighbors: F, n and m of the paper. The face mask is the union over the
            n + F frames of a window, and over as many before and after it as chance wants, in every stage.
        split: "train" or "test".
        seed: of all draws.
        size: pixels to which clips of another size are scaled; by default they stay, and must all be alike.
        cache: folder of `build_cache` to take latents and audio features from; pictures and sound otherwise.

    Attributes:
        clips: those used, in the table's order. left_out: how many are too short, or silent where sound is needed.

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
    ):
        self.root, self.video, self.targets, self.split, self.seed = Path(root), video, targets, split, seed
        self.num_frames, self.num_motion_frames, self.num_neighbors = num_frames, num_motion_frames, num_neighbors
        self.window = max(num_motion_frames + num_frames, 1 if video else targets)
        self.cache = None if cache is None else Path(cache)
        rows = read_metadata(self.root, split)
        least = self.window if video else targets + 1
        self.clips = [clip for clip in rows if clip.frames >= least and (clip.has_audio or not video)]
        self.left_out = len(rows) - len(self.clips)
        if not self.clips:
            kind = "with sound, " if video else ""
            raise DatasetError(
                f"{self.root}/{split}: none of {len(rows)} clips is usable ({kind}{least} frames or more)"
            )
        sizes = {(clip.height, clip.width) for clip in self.clips} if size is None else {(size, size)}
        if len(sizes) > 1:
            raise DatasetError(
                f"{self.root}/{split}: clips of different sizes, {sorted(sizes)}; give a size to scale to"
            )
        self.height, self.width = sizes.pop()

    def __getitem__(self, index: int) -> Batch:
        """Sample number `index`, any natural number, as a batch of one.

        Raises:
            DatasetError: the clip's files are missing or damaged.
        """
        rounds, place = divmod(index, len(self.clips))
        clip = self.clips[_permutation(self.seed, rounds, len(self.clips))[place]]
        labels = load_labels(self.root / self.split / clip.labels, clip.frames)
        rng = np.random.default_rng((0x5A391E, self.seed, index))
        window = min(self.window, clip.frames)
        start = int(rng.integers(clip.frames - window + 1))
        # 3.2.5: the mask is the union over a video, of any length, that shows these frames.
        around = slice(int(rng.integers(start + 1)), int(rng.integers(start + window, clip.frames + 1)))
        shown, others = range(start, start + window), np.arange(clip.frames)
        if not self.video:
            shown = rng.choice(np.arange(around.start, around.stop), self.targets, replace=False)
            others = np.setdiff1d(others, shown)
        reference = int(rng.choice(others))

        scale = np.array([self.width / clip.width, self.height / clip.height], np.float32)
        points = labels["points"][shown] * scale
        boxes = labels["face_box"][around] * np.tile(scale, 2)
        corners = points[:, MOUTH_CORNERS]
        mouth = np.concatenate(
            [points[:, LIPS].mean(1), np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)[:, None]], 1
        )
        pictures, cached = self._pictures(clip, [reference, *shown])
        audio, sound, speed = None, None, None
        if self.video:
            first = start + self.num_motion_frames
            cut = lambda track: cut_windows(track[None], self.num_neighbors, first, first + self.num_frames)
            speed = cut(torch.from_numpy(labels["rotation_speed"]).float())
            if cached is not None:
                audio = cut(cached["audio"])
            else:
                sound = (Sound(self._waveform(clip), SAMPLING_RATE, clip.fps, clip.frames, first),)
        latents = None if cached is None else cached["latents"][[reference, *shown]]
        return Batch(
            index=torch.tensor([index]),
            reference=None if pictures is None else pictures[:1],
            frames=None if pictures is None else pictures[None, 1:],
            reference_latents=None if latents is None else latents[:1],
            latents=None if latents is None else latents[None, 1:],
            face_mask=torch.from_numpy(union_mask(boxes, self.height, self.width))[None, None],
            mouth=torch.from_numpy(mouth.astype(np.float32))[None],
            speed=speed,
            audio=audio,
            sound=sound,
            clips=(f"{self.split}/{clip.file_name} from frame {shown[0]}",),
        )

    def _pictures(
        self, clip: ClipInfo, frames: list[int]
    ) -> tuple[torch.Tensor | None, dict[str, torch.Tensor] | None]:
        """Frames by number, uint8 (N, 3, H, W); or, where there is a cache, what it holds of the clip."""
        if self.cache is not None:
            return None, load_cached(self.cache, clip, audio=self.video)
        path = self.root / self.split / clip.file_name
        with reading_clips(), VideoReader(path, own=True) as video:
            if video.num_frames < clip.frames:
                raise DatasetError(f"{path} has {video.num_frames} frames, its labels {clip.frames}; make it again")
            pictures = scale_frames(video.read(frames), self.height, self.width)
        return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))), None

    def _waveform(self, clip: ClipInfo) -> torch.Tensor:
        with reading_clips(), AudioTrack.open(self.root / self.split / clip.file_name, SAMPLING_RATE) as track:
            return torch.from_numpy(track.read(0, track.length))


@lru_cache(maxsize=4)
def _permutation(seed: int, number: int, clips: int) -> np.ndarray:
    """The order of the clips in round `number`."""
    return np.random.default_rng((0x2071D, seed, number)).permutation(clips)
