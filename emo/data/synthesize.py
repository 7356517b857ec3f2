"""A dataset of synthetic people: clips planned by number, drawn by all cores, resumed where an earlier run stopped."""

import shutil
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from emo.data.format import SPLITS, ClipInfo, save_labels, write_metadata
from emo.data.recipe import open_dataset
from emo.data.synthetic.speech import SAMPLE_RATE
from emo.data.synthetic.studio import Cast, Studio
from emo.errors import DatasetError
from emo.locks import claim_folder
from emo.media import AudioTrack, VideoWriter
from emo.names import printable
from emo.processes import available_cores, in_processes

RECIPE = "synthesize.json"
WORTH_COMPILING = 1200  # frames per process from which on compiling pays: 20 s from torch's cache, 140 s without


def synthesize_dataset(
    cast: Cast,
    clips: int,
    out: Path,
    *,
    workers: int | None = None,
    device: str = "cpu",
    compile: bool | None = None,
) -> Iterator[int]:
    """Make clips 0 … `clips` − 1 of a cast in the folder `out`; those that are there stay.

    Clips depend on the cast and their number alone: not on workers, nor on where an earlier run stopped. Only between
    compiled kernels and others a few colors differ by one of 255.

    Args:
        cast: see `Cast`.
        clips: how many; a second run with more of them adds to the folder.
        out: a new folder, or one made of the same cast.
        workers: processes; one per core by default, one on a GPU.
        device: where avatars are drawn.
        compile: compile the avatars' kernels; by default where that pays.

    Yields:
        How many clips are there, after each. The metadata tables are written at the end, and when stopped.

    Raises:
        DatasetError: `out` holds something else, or clips of another cast.
        EmoError: a portrait or recording cannot be used, or `out` cannot be written to, or somebody else is at work
            there.
    """
    with claim_folder(out, DatasetError):
        yield from _synthesize(cast, clips, out, workers, device, compile)


def _synthesize(
    cast: Cast, clips: int, out: Path, workers: int | None, device: str, compile: bool | None
) -> Iterator[int]:
    names = {
        kind: [printable(Path(path).name) for path in getattr(cast, kind)] for kind in ("portraits", "recordings")
    }
    open_dataset(out, RECIPE, asdict(cast) | names, "emo synthesize")
    done = {path.stem for split in SPLITS for path in (out / split).glob("*.safetensors")}
    todo = [index for index in range(clips) if _name(index) not in done]
    if workers is None:
        workers = available_cores() if device == "cpu" else 1
    workers = max(1, min(workers, len(todo)))
    if compile is None:
        frames = cast.seconds * cast.fps * len(todo) * (1 - cast.portrait_share) / workers
        compile = device != "cpu" or (frames > WORTH_COMPILING and shutil.which("c++") is not None)
    count = clips - len(todo)
    try:
        yield count
        tasks = ((index, out) for index in todo)
        for _ in in_processes(_make, tasks, workers, context=partial(Studio, cast, device, compile)):
            count += 1
            yield count
    finally:
        write_metadata(out)


def _make(studio: Studio, task: tuple[int, Path]) -> None:
    make_clip(studio, *task)


def _name(index: int) -> str:
    return f"{index:06d}"


def make_clip(studio: Studio, index: int, out: Path) -> ClipInfo:
    """Draw clip `index` into the dataset folder `out`: picture and sound, then labels."""
    cast, plan = studio.cast, studio.cast.plan(index)
    take = studio.shoot(plan)
    frames, height, width, _ = take.frames.shape
    info = ClipInfo(
        file_name=f"{_name(index)}.mp4",
        labels=f"{_name(index)}.safetensors",
        person=printable(plan.person),
        split=plan.split,
        fps=cast.fps,
        frames=frames,
        width=width,
        height=height,
        has_audio=True,
        speed=round(float(take.labels["rotation_speed"].mean()), 4),
        source="avatar" if plan.portrait is None else "portrait",
        origin=printable(plan.origin),
    )
    folder = out / plan.split
    with VideoWriter(folder / info.file_name, cast.fps) as writer:
        writer.write(take.frames)
        with AudioTrack.open((take.waveform, SAMPLE_RATE)) as sound:
            writer.finish(sound)
    save_labels(folder / info.labels, take.labels, info)
    return info
