"""What SyncNet learns from: the crops of a clip's face and the sound of the same moments, changed at random."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from emo.data.format import MOUTH_CORNERS, ClipInfo, load_labels, read_metadata, reading_clips
from emo.data.sample_batch import SampleBatch
from emo.errors import DatasetError
from emo.media import SAMPLE_RATE, AudioTrack, VideoReader
from emo.metrics.face_crops import crop_squares, cut_square, frames_at_25
from emo.metrics.lip_sync import SAMPLES
from emo.metrics.mfcc import mfcc
from emo.training.audio_encoder.samples import add_noise
from emo.training.syncnet.config import AugmentConfig


@dataclass(frozen=True)
class SyncBatch(SampleBatch):
    """B pieces of clips, of F frames at 25 per second each.

    Attributes:
        index: (B,) int64, sample numbers.
        crops: uint8 (B, F, S, S, 3).
        coefficients: (B, 4 F - 1, 13) float32, as `emo.metrics.mfcc` of the sound of just these frames.
        clips: B names, for messages.
    """

    crops: Tensor
    coefficients: Tensor
    clips: tuple[str, ...]


class SyncSamples(Dataset[SyncBatch]):
    """Sample g, any natural number, is drawn from the seed and g alone: clip g mod N of a new permutation of the N
    clips in each round, F frames of it, and all changes.

    Args:
        root, split: a dataset; see `emo.data.format`. Clips without sound, or with less than F frames, are left out.
        seed: of all draws.
        frames: F, at 25 per second.
        size, region: of the crops, as the network's.
        augment: how samples are changed; None leaves them as they are, their frames the clip's first.

    Raises:
        DatasetError: the folder is damaged, or no clip is long enough.
    """

    def __init__(
        self,
        root: str | Path,
        split: str,
        seed: int,
        *,
        frames: int,
        size: int,
        region: str,
        augment: AugmentConfig | None,
    ):
        self.folder = Path(root) / split
        self.split = split
        self.seed = seed
        self.frames = frames
        self.size = size
        self.region = region
        self.augment = augment
        rows = read_metadata(Path(root), split)
        self.clips = [clip for clip in rows if clip.has_audio and len(frames_at_25(clip.frames, clip.fps)) >= frames]
        if not self.clips:
            raise DatasetError(
                f"{self.folder}: none of {len(rows)} clips is usable (with sound, {frames} frames at 25 per second or "
                "more); lower data.frames, or give longer clips"
            )

    def __getitem__(self, number: int) -> SyncBatch:
        rng = np.random.default_rng((0x59C, self.seed, number))
        rounds, place = divmod(number, len(self.clips))
        clip = self.clips[place]
        start = 0
        if self.augment is not None:
            clip = self.clips[_permutation(self.seed, rounds, len(self.clips))[place]]
            start = int(rng.integers(len(frames_at_25(clip.frames, clip.fps)) - self.frames + 1))
        pictures, squares = self._pictures(clip, start)
        waveform = self._waveform(clip, start)
        turn = 0.0
        warp = 1.0
        if self.augment is not None:
            squares, turn = _moved(squares, self.augment, rng)
        crops = np.stack([cut_square(p, s, self.size, turn) for p, s in zip(pictures, squares, strict=True)])
        if self.augment is not None:
            crops = _recolored(crops, self.augment, rng)
            waveform, warp = _resounded(waveform, self.augment, rng)
        return SyncBatch(
            index=torch.tensor([number]),
            crops=torch.from_numpy(crops)[None],
            coefficients=torch.from_numpy(mfcc(waveform, warp))[None],
            clips=(f"{self.split}/{clip.file_name} from frame {start}",),
        )

    def _pictures(self, clip: ClipInfo, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Frames (F, H, W, 3) from one on, at 25 per second, and their squares (F, 3)."""
        labels = load_labels(self.folder / clip.labels, clip.frames)
        shown = frames_at_25(clip.frames, clip.fps)
        boxes = labels["face_box"][shown]
        mouths = labels["points"][shown][:, MOUTH_CORNERS].mean(1)
        piece = slice(start, start + self.frames)
        path = self.folder / clip.file_name
        with reading_clips(), VideoReader(path, own=True) as video:
            if video.num_frames < clip.frames:
                raise DatasetError(f"{path} has {video.num_frames} frames, its labels {clip.frames}; make it again")
            return video.read(shown[piece].tolist()), crop_squares(boxes, mouths, self.region)[piece]

    def _waveform(self, clip: ClipInfo, start: int) -> np.ndarray:
        """The sound of the piece, (640 F,); silence where the clip's ends before."""
        with reading_clips(), AudioTrack.open(self.folder / clip.file_name, SAMPLE_RATE) as track:
            first, last = (min(frame * SAMPLES, track.length) for frame in (start, start + self.frames))
            piece = track.read(first, last)
        return np.pad(piece, (0, self.frames * SAMPLES - len(piece)))


def _moved(squares: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Squares shifted and scaled as one, (F, 3), and degrees by which to turn the crops."""
    shift = rng.uniform(-1, 1, 2)
    size = rng.uniform(-1, 1)
    turn = rng.uniform(-1, 1)
    squares = squares.copy()
    squares[:, :2] += config.place * shift * squares[:, 2:]
    squares[:, 2] *= (1 + config.scale) ** size
    return squares, config.turn * turn


def _recolored(crops: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Crops, uint8 (F, S, S, 3), in other light and by a worse camera."""
    mirrored, gray = rng.random(2) < (config.mirror, config.gray)
    gain, gamma = np.exp(config.color * rng.uniform(-1, 1, 2))
    channels = gain * np.exp(config.color / 2 * rng.uniform(-1, 1, 3))
    sigma, grain = rng.random(2) * (config.blur, config.grain)
    levels = np.linspace(0, 1, 256)[:, None] ** gamma * channels
    table = np.round(255 * levels.clip(0, 1)).astype(np.uint8)
    shape = crops.shape
    crops = np.ascontiguousarray(crops[:, :, ::-1] if mirrored else crops).reshape(-1, shape[2], 3)
    if gray:
        crops = cv2.cvtColor(cv2.cvtColor(crops, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    crops = cv2.LUT(crops, table[None]).reshape(shape)
    if sigma > 0.3:
        crops = np.stack([cv2.GaussianBlur(crop, (0, 0), sigma) for crop in crops])
    if grain > 0.5:
        noise = rng.standard_normal(shape[:3], np.float32)[..., None] * np.float32(grain)
        crops = (crops + noise).clip(0, 255).astype(np.uint8)
    return crops


def _resounded(waveform: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """The sound with noise and at another loudness, and a factor for the mel bands' frequencies."""
    chance = rng.random()
    decibel = rng.uniform(0, 40)
    loudness = rng.uniform(-1, 1)
    warp = rng.uniform(-1, 1)
    if chance < config.noise_share:
        waveform = add_noise(waveform, decibel, rng)
    steps = round(4 * warp) / 4  # nine different sets of bands, which are kept
    return waveform * 10 ** (config.loudness * loudness / 20), (1 + config.warp) ** steps


@lru_cache(maxsize=4)
def _permutation(seed: int, number: int, clips: int) -> np.ndarray:
    """The order of the clips in round `number`."""
    return np.random.default_rng((0x59D, seed, number)).permutation(clips)
