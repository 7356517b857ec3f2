"""Does each mechanism of the paper do its work in given weights? Videos of people and voices never trained on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from emo.evaluation import motion_rows, rows
from emo.evaluation.held_out import PORTRAIT, SIZE, HeldOut
from emo.evaluation.observation import Observation
from emo.evaluation.rows import Row
from emo.evaluation.takes import Settings, Stage, Take, face_box, open_stage, shoot
from emo.face import FaceDetector
from emo.generation.latents import encode_pictures
from emo.metrics import identity_descriptor
from emo.processes import in_processes

SPEEDS = (0.1, 0.7, 1.3, 1.9)  # degrees per frame
SHIFT = 0.09  # of the picture's side, by which regions lie aside
WIDER = 0.16  # of the picture's side, by which a wide region reaches further to either side than a tight one


@dataclass(frozen=True)
class Extent:
    """How much is measured. talks: people who talk for `seconds` each. gallery: portraits to tell them from. few:
    people of the other rows, for `brief` seconds each. long: seconds of the long video."""

    talks: int = 20
    seconds: float = 5.0
    gallery: int = 50
    few: int = 6
    brief: float = 3.0
    long: float = 60.0


def plan_takes(extent: Extent, held_out: HeldOut, pictures: Mapping[str, str], no_speed: bool) -> list[Take]:
    """All videos, the longest first.

    Args:
        extent: how much is measured.
        held_out: the people.
        pictures: paths of real portraits by name.
        no_speed: whether there is a model without speed layers to compare with.
    """
    few = range(extent.few)
    takes = [
        Take("long", extent.long),
        Take("long-truth", extent.long, truth=True),
        *(Take(f"talk-{p:02d}", extent.seconds, p) for p in range(extent.talks)),
        *(Take(f"talk-{p:02d}-truth", extent.seconds, p, truth=True) for p in range(extent.talks)),
    ]
    for p in few:
        takes.append(Take(f"unchained-{p}", extent.seconds, p, chained=False))
        takes.append(Take(f"speed-none-{p}", extent.brief, p, model="no_speed" if no_speed else "model"))
        for speed in SPEEDS:
            takes.append(Take(f"speed-{speed:g}-{p}", extent.brief, p, speed=speed))
            takes.append(Take(f"speed-{speed:g}-{p}-truth", extent.brief, p, speed=speed, truth=True))
        box = np.array(face_box(held_out.portrait(p), f"person {p}"))
        moved = {"left": (-SHIFT, -SHIFT), "right": (SHIFT, SHIFT), "tight": (0, 0), "wide": (-WIDER, WIDER)}
        for name, (x0, x1) in moved.items():
            region = (box + np.array([x0, 0, x1, 0]) * PORTRAIT).clip(0, PORTRAIT)
            takes.append(Take(f"region-{name}-{p}", extent.brief, p, region=tuple(region.tolist())))
    takes += [Take(f"real-{name}", extent.brief, picture=path, voice=0) for name, path in pictures.items()]
    return takes


def shoot_takes(
    takes: Sequence[Take], settings: Settings, out: Path, workers: int
) -> Iterator[tuple[str, Observation]]:
    """Make and measure the videos, on so many processes; those that are there already are not made again.

    Yields: name and measurements, as they are finished.
    """
    yield from in_processes(shoot, takes, workers, open_stage, (settings, out))


def make_rows(
    found: Mapping[str, Observation],
    extent: Extent,
    held_out: HeldOut,
    gallery: np.ndarray,
    psnrs: np.ndarray,
    clip_frames: int,
) -> list[Row]:
    """The table.

    Args:
        found: measurements of all takes of `plan_takes`, by name.
        extent, held_out: as the takes were planned.
        gallery: (G, D), from `describe_portraits`. psnrs: (N,), from `reconstruct`.
        clip_frames: F, frames of a clip.
    """
    each = lambda pattern, count: [found[pattern.format(p)] for p in range(count)]
    talks, truths = each("talk-{:02d}", extent.talks), each("talk-{:02d}-truth", extent.talks)
    voices = [held_out.voice(p, extent.seconds) for p in range(extent.talks)]
    by_speed = {speed: each(f"speed-{speed:g}-{{}}", extent.few) for speed in SPEEDS}
    true_speeds = {speed: each(f"speed-{speed:g}-{{}}-truth", extent.few) for speed in SPEEDS}
    regions = [each(f"region-{name}-{{}}", extent.few) for name in ("left", "right", "tight", "wide")]
    portraits = {name.removeprefix("real-"): video for name, video in found.items() if name.startswith("real-")}
    brief = held_out.voice(0, extent.brief).jaw
    table = [
        rows.lips(talks, truths, [voice.jaw for voice in voices]),
        rows.silence(talks, truths, [voice.loudness for voice in voices]),
        rows.identity(talks, truths, gallery),
        motion_rows.drifting(found["long"], found["long-truth"], gallery, 0, extent.long),
        motion_rows.joins(talks, truths, each("unchained-{}", extent.few), clip_frames),
        motion_rows.speeds(by_speed, each("speed-none-{}", extent.few), true_speeds),
        motion_rows.locator(*regions, truths[: extent.few], SHIFT * SIZE),
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


def reconstruct(stage: Stage, found: Mapping[str, Observation]) -> np.ndarray:
    """PSNR in dB of the autoencoder on every frame shown of the true clips, (N,)."""
    from skimage.metrics import peak_signal_noise_ratio

    pipe, psnrs = stage.pipe(), []
    for name, video in found.items():
        if name.startswith("talk-") and name.endswith("-truth"):
            pictures = torch.from_numpy(video.shown).permute(0, 3, 1, 2).to(pipe.device)
            with torch.no_grad():
                latents = encode_pictures(pipe.vae, pictures) / pipe.vae.config.scaling_factor
                decoded = pipe.vae.decode(latents.to(pipe.vae.dtype)).sample.float()
            decoded = ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
            psnrs += [peak_signal_noise_ratio(a, b) for a, b in zip(video.shown, decoded, strict=True)]
    return np.array(psnrs)
