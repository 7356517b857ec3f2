"""Pairs of frames whose flow is known, made by hand: waves in place of people."""

from pathlib import Path

import numpy as np
import torch

from emo.data.synthetic.reference_pairs import REACH, ReferencePairs
from emo.motion import CONTROLS
from emo.unets.warp import warp

SIDE, COARSE = 64, 16
POINTS = np.float32([[20, 20], [44, 20], [32, 32], [24, 44], [40, 44], [32, 42], [32, 46]])


def textured(rng: np.random.Generator) -> np.ndarray:
    """A picture of broad waves, (SIDE, SIDE, 3)."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    waves = sum(
        np.sin(
            2 * np.pi * (rng.uniform(-4, 4, 3) * x[..., None] + rng.uniform(-4, 4, 3) * y[..., None] + rng.random(3))
        )
        for _ in range(4)
    )
    return (127 + 40 * waves).clip(0, 255).astype(np.uint8)


def made_pairs(seed: int, frames: int = 4) -> ReferencePairs:
    """Frames that show the reference, shifted."""
    rng = np.random.default_rng(seed)
    reference = textured(rng)
    flow = np.broadcast_to(rng.uniform(-0.15, 0.15, (frames, 2, 1, 1)), (frames, 2, COARSE, COARSE))
    picture = torch.from_numpy(reference).permute(2, 0, 1)[None].float()
    moved = warp(picture, torch.from_numpy(flow.copy()).float())
    points = np.tile(POINTS, (frames, 1, 1))
    visible = np.ones((frames, 1, COARSE, COARSE), np.float16)
    motion = CONTROLS.rest.numpy() + rng.normal(0, 0.3, (frames, 2 * REACH + 1, len(CONTROLS))).astype(np.float32)
    motion[:2] = CONTROLS.rest  # as of --at-rest 2
    pictures = moved.round().byte().movedim(1, -1).numpy()
    parts = (pictures[..., 0] // 64).astype(np.uint8)
    source = CONTROLS.rest.numpy() + rng.normal(0, 0.3, len(CONTROLS)).astype(np.float32)
    return ReferencePairs(reference, pictures, points, flow.astype(np.float16), visible, motion, parts, source)


def pairs_folder(root: Path) -> Path:
    """A folder as train/reference_decoder_data.py makes it, of 6 clips and 2 held out."""
    for split, count in (("train", 6), ("test", 2)):
        (root / split).mkdir()
        for number in range(count):
            made_pairs(10 * (split == "test") + number).write(root / split / f"{number:06d}.safetensors")
    return root
