"""What the reference decoder learns from: a reference and two neighboring frames, in the same colors."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from emo.data.format import FACE_POINTS
from emo.data.sample_batch import SampleBatch
from emo.data.synthetic.reference_pairs import read_pairs
from emo.data.synthetic.relight import draw_colors
from emo.motion import CONTROLS
from emo.search import find_files
from emo.training.reference_decoder.config import PairDataConfig

NEIGHBORS = 2


@dataclass(frozen=True)
class PairBatch(SampleBatch):
    """B references, each with two neighboring frames.

    Attributes:
        index: (B,) int64, sample numbers.
        reference: uint8 (B, 3, S, S).
        frames: uint8 (B, 2, 3, S, S).
        points: (B, 2, 7, 2), `emo.data.format.FACE_POINTS` in pixels of the frames.
        flow: (B, 2, 2, s, s) in half sides; see `emo.data.synthetic.reference_pairs`.
        visible: (B, 2, 1, s, s).
        motion: (B, 2, W, 14), controls of the frames and of those around each, not normalized; of no frame where the
            files tell none.
        parts: (B, 2, S, S) uint8, places in `emo.data.synthetic.parts.PARTS`; or of no pixel.
        source: (B, 14), controls of the references; of no control where the files tell none.
        error: (B, 2, L, h, w), a diffusion model's in the frames' latents, in the scheduler's scale; 0 where there is
            none.
        clips: B names, for messages.
    """

    reference: Tensor
    frames: Tensor
    points: Tensor
    flow: Tensor
    visible: Tensor
    motion: Tensor
    parts: Tensor
    source: Tensor
    error: Tensor
    clips: tuple[str, ...]


class PairSamples(Dataset[PairBatch]):
    """Samples by number, endlessly: the same for the same seed.

    Args:
        config: where they lie and how they are changed.
        split: "train", or "test", which is not changed.
        seed: of all draws.
        latent_shape: of a frame's latents.

    Raises:
        OptionError: there are none.
    """

    def __init__(self, config: PairDataConfig, split: str, seed: int, latent_shape: tuple[int, int, int]):
        self.paths = find_files(Path(config.pairs) / split, (".safetensors",), "data.pairs")
        self.config = config if split == "train" else None
        self.seed = seed
        self.latent_shape = latent_shape

    def __getitem__(self, index: int) -> PairBatch:
        count = len(self.paths)
        path = self.paths[place_in_round(index, count, (0x9A1, self.seed)) if self.config else index % count]
        rng = np.random.default_rng((0x9A2, self.seed, index))
        pairs = read_pairs(path)
        first = NEIGHBORS * int(rng.integers(len(pairs.frames) // NEIGHBORS))
        shown = slice(first, first + NEIGHBORS)
        pictures = np.stack([pairs.reference, *pairs.frames[shown]])
        points, flow = pairs.points[shown], pairs.flow[shown].astype(np.float32)
        visible = pairs.visible[shown].astype(np.float32)
        none = np.zeros((NEIGHBORS, 0, 0))
        motion, parts = (none if kept is None else kept[shown] for kept in (pairs.motion, pairs.parts))
        source = np.zeros(0) if pairs.source is None else pairs.source
        error = np.zeros((NEIGHBORS, *self.latent_shape), np.float32)
        if pairs.error is not None:  # of these very pictures
            error = pairs.error[shown].astype(np.float32)
        changed = self.config if pairs.error is None else None
        if changed and rng.random() < changed.mirror:
            side = pictures.shape[2]
            pictures, visible = pictures[:, :, ::-1], visible[..., ::-1]
            flow = flow[..., ::-1] * np.array([-1, 1], np.float32)[:, None, None]
            points = (points * [-1, 1] + [side, 0])[:, MIRRORED]
            parts = parts[..., ::-1]
            motion, source = (each * SIDES if each.size else each for each in (motion, source))
        if changed and rng.random() < changed.color:
            change = draw_colors(rng)
            pictures = np.stack([change(picture) for picture in pictures])
        drawn = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
        return PairBatch(
            torch.tensor([index]),
            drawn[:1],
            drawn[None, 1:],
            torch.from_numpy(np.float32(points))[None],
            torch.from_numpy(np.ascontiguousarray(flow))[None],
            torch.from_numpy(np.ascontiguousarray(visible))[None],
            torch.from_numpy(np.float32(motion))[None],
            torch.from_numpy(np.ascontiguousarray(parts, dtype=np.uint8))[None],
            torch.from_numpy(np.float32(source))[None],
            torch.from_numpy(error)[None],
            (path.stem,),
        )


def place_in_round(index: int, count: int, seed: tuple[int, ...]) -> int:
    """Which of so many things sample `index` is of: in every round each once, in an order of the round's own."""
    rounds, place = divmod(index, count)
    return int(np.random.default_rng((*seed, rounds)).permutation(count)[place])


SWAPPED = {"left_eye": "right_eye", "right_eye": "left_eye", "mouth_left": "mouth_right", "mouth_right": "mouth_left"}
MIRRORED = [FACE_POINTS.index(SWAPPED.get(name, name)) for name in FACE_POINTS]
SIDES = np.array([-1 if name in ("yaw", "roll", "tx", "gaze_x") else 1 for name in CONTROLS.names], np.float32)
"""What a mirror makes of the controls."""
