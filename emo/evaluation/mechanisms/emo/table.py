"""EMO's table of mechanisms, made of what was measured of all videos."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from emo.evaluation.mechanisms import rows
from emo.evaluation.mechanisms.emo import plan
from emo.evaluation.mechanisms.emo import rows as own_rows
from emo.evaluation.mechanisms.emo.videos import VideoMaker, clip_frames, reconstruct
from emo.evaluation.mechanisms.family import Family
from emo.evaluation.mechanisms.generator import Generator
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.plan import EvalClip, EvaluationSize
from emo.evaluation.row import Row


def plan_clips(extent: EvaluationSize, generator: Generator, pictures: Mapping[str, str]) -> list[EvalClip]:
    """All videos, the longest first; see `Family`."""
    return plan.plan_clips(extent, generator.held_out, pictures, "no_speed" in generator.settings.models)


def make_rows(found: Mapping[str, Observation], extent: EvaluationSize, generator: Generator) -> list[Row]:
    """The table; see `Family`."""
    held_out, gallery, frames = generator.held_out, generator.gallery, clip_frames(generator.pipe())

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
        own_rows.drifting(found["long"], found["long-truth"], gallery, 0, extent.long),
        own_rows.joins(talks, truths, each("unchained-{}", extent.few), frames),
        own_rows.speeds(by_speed, each("speed-none-{}", extent.few), true_speeds),
        own_rows.locator(left, right, tight, wide, truths[: extent.few], plan.SHIFT * held_out.config.size),
        own_rows.quality(talks, truths, reconstruction_psnrs(generator.pipe(), found)),
        own_rows.smoothness(talks, truths, frames),
    ]
    if portraits:
        table.append(rows.real(portraits, dict.fromkeys(portraits, brief)))
    return table


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


FAMILY = Family(
    options=("no_speed", "long", "audio_guidance", "reference_guidance"),
    guidance=("audio_guidance_scale", "reference_guidance_scale"),
    steps=None,
    size=None,
    plan=plan_clips,
    maker=VideoMaker,
    rows=make_rows,
    on_sheet=("real-", "talk-"),
)
