"""The table of mechanisms, made of what was measured of all videos."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from emo.data.synthetic.held_out import HeldOut
from emo.evaluation.mechanisms import motion_rows, plan, rows
from emo.evaluation.mechanisms.emo_mechanisms import reconstruct
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.plan import EvaluationSize
from emo.evaluation.row import Row
from emo.face import FaceDetector
from emo.metrics import identity_descriptor


def make_rows(
    found: Mapping[str, Observation],
    extent: EvaluationSize,
    held_out: HeldOut,
    gallery: np.ndarray,
    psnrs: np.ndarray,
    clip_frames: int,
) -> list[Row]:
    """The table.

    Args:
        found: measurements of all clips of `plan_clips`, by name.
        extent, held_out: as the clips were planned.
        gallery: (G, D), from `describe_portraits`.
        psnrs: (N,), from `reconstruction_psnrs`.
        clip_frames: F, frames of a clip.
    """

    def each(pattern: str, count: int) -> list[Observation]:
        return [found[pattern.format(p)] for p in range(count)]

    talks, truths = each("talk-{:02d}", extent.talks), each("talk-{:02d}-truth", extent.talks)
    voices = [held_out.voice(p, extent.seconds) for p in range(extent.talks)]
    by_speed = {speed: each(f"speed-{speed:g}-{{}}", extent.few) for speed in plan.SPEEDS}
    true_speeds = {speed: each(f"speed-{speed:g}-{{}}-truth", extent.few) for speed in plan.SPEEDS}
    left, right, tight, wide = (each(f"region-{name}-{{}}", extent.few) for name in ("left", "right", "tight", "wide"))
    portraits = {name.removeprefix("real-"): video for name, video in found.items() if name.startswith("real-")}
    brief = held_out.voice(0, extent.brief).jaw
    table = [
        rows.lips(talks, truths, [voice.jaw for voice in voices]),
        rows.silence(talks, truths, [voice.loudness for voice in voices]),
        rows.identity(talks, truths, gallery),
        motion_rows.drifting(found["long"], found["long-truth"], gallery, 0, extent.long),
        motion_rows.joins(talks, truths, each("unchained-{}", extent.few), clip_frames),
        motion_rows.speeds(by_speed, each("speed-none-{}", extent.few), true_speeds),
        motion_rows.locator(left, right, tight, wide, truths[: extent.few], plan.SHIFT * held_out.config.size),
        rows.quality(talks, truths, psnrs),
        motion_rows.smoothness(talks, truths, clip_frames),
    ]
    if portraits:
        table.append(rows.real(portraits, dict.fromkeys(portraits, brief)))
    return table


def describe_portraits(held_out: HeldOut, count: int) -> np.ndarray:
    """Descriptors (count, D) of the held-out people's portraits."""
    described = []
    with FaceDetector() as detector:
        for person in range(count):
            picture = held_out.portrait(person)
            leftmost = detector.detect(picture)[0]
            described.append(identity_descriptor(picture, leftmost.landmarks))
    return np.stack(described)


def reconstruction_psnrs(pipe: Any, found: Mapping[str, Observation]) -> np.ndarray:
    """PSNR in dB of the autoencoder on the frames shown of true clips but the first, which is their portrait, (N,)."""
    from skimage.metrics import peak_signal_noise_ratio

    psnrs: list[float] = []
    for name, video in found.items():
        if name.startswith("talk-") and name.endswith("-truth"):
            portrait, *frames = video.shown
            decoded = reconstruct(pipe, portrait, np.stack(frames))
            psnrs += [peak_signal_noise_ratio(a, b) for a, b in zip(frames, decoded, strict=True)]
    return np.array(psnrs)
