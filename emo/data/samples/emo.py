"""EMO's samples (4.1): n + F frames of a clip, or single ones in stage 1, with one reference picture and a mask."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.data.batch import Batch, Sound
from emo.data.format import EYES, LIPS, MOUTH_CORNERS
from emo.data.reader import ClipReader
from emo.data.samples.emo_features import AUDIO, LATENTS
from emo.face import union_mask
from emo.generation.windows import cut_windows
from emo.media import SAMPLE_RATE


@dataclass(frozen=True)
class EMOSampler:
    """Draws samples of stage 1, or of stages 2 and 3.

    Attributes:
        video: whether samples are n + F contiguous frames with sound and speed, or single ones (stage 1).
        targets: how many of them, in stage 1, for one reference.
        num_frames: F of the paper.
        num_motion_frames: n of the paper. The face mask is the union over the n + F frames of a window, and over as
            many before and after it as chance wants, in every stage.
        num_neighbors: m of the paper.
    """

    video: bool
    targets: int = 1
    num_frames: int = 12
    num_motion_frames: int = 4
    num_neighbors: int = 2

    @property
    def window(self) -> int:
        """Frames that the mask covers at least."""
        return max(self.num_motion_frames + self.num_frames, 1 if self.video else self.targets)

    @property
    def min_frames(self) -> int:
        """Frames that a clip needs."""
        return self.window if self.video else self.targets + 1

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator) -> Batch:
        """One sample of clip `number`, as a batch of one.

        Args:
            reader: whose clips.
            number: of the clip.
            index: the sample's own number.
            rng: for all draws.

        Raises:
            DatasetError: the clip's files are missing or damaged.
        """
        clip = reader.clips[number]
        labels = reader.labels(number)
        window = min(self.window, clip.frames)
        start = int(rng.integers(clip.frames - window + 1))
        # 3.2.5: the mask is the union over a video, of any length, that shows these frames.
        around = slice(int(rng.integers(start + 1)), int(rng.integers(start + window, clip.frames + 1)))
        shown = np.arange(start, start + window)
        others = np.arange(clip.frames)
        if not self.video:
            shown = rng.choice(np.arange(around.start, around.stop), self.targets, replace=False)
            others = np.setdiff1d(others, shown)
        reference = int(rng.choice(others))

        scale = np.array([reader.width / clip.width, reader.height / clip.height], np.float32)
        boxes = labels["face_box"][around] * np.tile(scale, 2)
        points = labels["points"][shown] * scale
        first = start + self.num_motion_frames
        places = [reference, *shown.tolist()]
        frames: Tensor | None = None
        latents: Tensor | None = None
        audio: Tensor | None = None
        sound: tuple[Sound, ...] | None = None
        if reader.cache is None:
            frames = reader.frames(number, places)
            if self.video:
                sound = (Sound(reader.waveform(number), SAMPLE_RATE, clip.fps, clip.frames, first),)
        else:
            cached = reader.cached(number, (LATENTS, AUDIO) if self.video else (LATENTS,))
            latents = cached[LATENTS][places]
            if self.video:
                audio = self._windows(cached[AUDIO], first)
        speed = self._windows(torch.from_numpy(labels["rotation_speed"]).float(), first) if self.video else None
        return Batch(
            index=torch.tensor([index]),
            reference=None if frames is None else frames[:1],
            frames=None if frames is None else frames[None, 1:],
            reference_latents=None if latents is None else latents[:1],
            latents=None if latents is None else latents[None, 1:],
            face_mask=torch.from_numpy(union_mask(boxes, reader.height, reader.width))[None, None],
            mouth=torch.from_numpy(_mouths(points).astype(np.float32))[None],
            eyes=torch.from_numpy(_eyes(points).astype(np.float32))[None],
            speed=speed,
            audio=audio,
            sound=sound,
            clips=(f"{reader.split}/{clip.file_name} from frame {shown[0]}",),
        )

    def _windows(self, values: Tensor, first: int) -> Tensor:
        """Values per frame (T, ...) as windows of the F frames, (1, F, 2m+1, ...)."""
        return cut_windows(values[None], self.num_neighbors, first, first + self.num_frames)


def _mouths(points: np.ndarray) -> np.ndarray:
    """x, y of the mouth's middle and its width, (N, 7, 2) -> (N, 3)."""
    corners = points[:, MOUTH_CORNERS]
    width = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)
    return np.concatenate([points[:, LIPS].mean(1), width[:, None]], 1)


def _eyes(points: np.ndarray) -> np.ndarray:
    """x, y of each eye's middle and their distance, (N, 7, 2) -> (N, 2, 3)."""
    eyes = points[:, EYES]
    distance = np.linalg.norm(eyes[:, 0] - eyes[:, 1], axis=-1)
    return np.concatenate([eyes, np.broadcast_to(distance[:, None, None], (len(eyes), 2, 1))], 2)
