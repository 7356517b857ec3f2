"""Videos made worse step by step, and which way each measure must then move."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from emo.media import AudioTrack, VideoWriter

RATE, FPS = 16000, 25
RUNGS = {
    "blur": (0.0, 1.0, 2.0, 4.0),  # standard deviation in pixels of a picture 128 px high
    "shuffle": (1, 3, 9, 27),  # frames of the blocks within which order is lost
    "late sound": (0, 1, 2, 4, 8),  # frames
    "another person": (0.0, 0.25, 0.5, 1.0),  # share of the video
    "slowed": (1, 2, 4),  # times
}
UP, DOWN = 1, -1
WHOLE = ("mouth_lag", "lse_offset")  # counted in frames: they may stay where they are
UNTIL = {
    ("late sound", "mouth_r"): 4,  # syllables come again after six to eight frames
    ("late sound", "lse_d0"): 4,
    ("slowed", "mouth_r"): 2,  # where it is at chance already
}
EXPECTED = {
    "blur": {
        "psnr": DOWN, "ssim": DOWN, "lpips": UP, "fid": UP, "fvd16": UP, "fvd25": UP, "likeness": DOWN, "f_sim": DOWN,
    },
    "shuffle": {
        "psnr": DOWN, "ssim": DOWN, "msi": DOWN, "akd": UP, "ssim_e": DOWN, "mouth_r": DOWN, "lse_c": DOWN,
        "lse_d": UP, "fvd16": UP, "ssim_p": DOWN,
    },
    "late sound": {"mouth_r": DOWN, "mouth_lag": UP, "lse_offset": UP, "lse_d0": UP},
    "another person": {"psnr": DOWN, "ssim": DOWN, "likeness": DOWN, "f_sim": DOWN, "fid": UP, "akd": UP, "e_fid": UP,
                       "face_points": UP},
    "slowed": {"velocity": DOWN, "delta_p": DOWN, "akd": UP, "mouth_r": DOWN},
}  # fmt: skip


def degrade(kind: str, rung: float, frames: np.ndarray, waveform: np.ndarray, other: np.ndarray, seed: int = 0):
    """Frames (T, H, W, 3) and sound (N,) at a rung; `other` are frames of a person who is in none of
    the real videos, as many at least."""
    count = len(frames)
    if kind == "blur" and rung:
        sigma = rung * frames.shape[1] / 128
        frames = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])
    elif kind == "shuffle":
        rng, order = np.random.default_rng(seed), np.arange(count)
        for start in range(0, count, int(rung)):
            rng.shuffle(order[start : start + int(rung)])
        frames = frames[order]
    elif kind == "late sound":
        shift = int(rung) * RATE // FPS
        waveform = np.concatenate([np.zeros(shift, np.float32), waveform])[: len(waveform)]
    elif kind == "another person" and rung:
        kept = round((1 - rung) * count)
        frames = np.concatenate([frames[:kept], other[kept:count]])
    elif kind == "slowed":
        frames = frames[np.arange(count) // int(rung)]
    return frames, waveform


def write(path: Path, frames: np.ndarray, waveform: np.ndarray) -> Path:
    """A video file with sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, FPS) as writer:
        writer.write(frames)
        with AudioTrack.open((waveform, RATE)) as sound:
            writer.finish(sound)
    return path


def write_networks(folder: Path, images: torch.nn.Module, videos: torch.nn.Module) -> list[str]:
    """Options of `emo evaluate` that name a network for every kind, written as TorchScript.

    images, videos: of pictures (N, 3, 64, 64) and of clips (N, 3, T, 64, 64), in −1…1.
    """
    options = []
    for kind in ("frames", "lpips", "faces", "expressions", "clips"):
        clips = kind == "clips"
        network, example = (videos, torch.zeros(1, 3, 16, 64, 64)) if clips else (images, torch.zeros(1, 3, 64, 64))
        torch.jit.trace(network, example).save(folder / f"{kind}.pt")
        spec = {"size": 64, "color": "RGB", "range": [-1, 1], "layout": "NCTHW" if clips else "NCHW"}
        (folder / f"{kind}.json").write_text(json.dumps(spec))
        options += ["--network", f"{kind}={folder / kind}.pt"]
    return options


def wrong_way(kind: str, name: str, values: Sequence[float]) -> bool:
    """Whether a measure fails to get worse at any rung; those after UNTIL need only be worse than the first."""
    values = np.asarray(values, float)
    if np.isnan(values).any():
        return True
    values = EXPECTED[kind][name] * np.minimum(values, 1e9)  # PSNR of equal videos is infinite
    checked = [rung <= UNTIL.get((kind, name), rung) for rung in RUNGS[kind]]
    steps = np.diff(values[checked])
    worse = (steps >= 0).all() and values[-1] > values[0] if name in WHOLE else (steps > 0).all()
    return not (worse and (values[1:] >= values[0]).all())
