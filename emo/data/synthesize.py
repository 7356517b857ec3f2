"""A dataset of synthetic people: clips planned by number, drawn by all cores, resumed where an earlier run stopped."""

import io
import shutil
import wave
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from emo.cpu import available_cores
from emo.data.format import SPLITS, TRACK, ClipInfo, save_labels, write_metadata
from emo.data.recipe import open_dataset, read_recipe
from emo.data.synthetic.config import EARLIER, SyntheticConfig
from emo.data.synthetic.renderer import Renderer
from emo.data.synthetic.speech import SAMPLE_RATE
from emo.errors import DatasetError
from emo.files import write_whole
from emo.locks import claim_folder
from emo.media import AudioTrack, VideoWriter
from emo.names import printable
from emo.processes import in_processes

RECIPE = "synthesize.json"
WORTH_COMPILING = 1200  # frames per process from which on compiling pays: 20 s from torch's cache, 140 s without


def synthesize_dataset(
    config: SyntheticConfig,
    clips: int,
    out: Path,
    *,
    workers: int | None = None,
    device: str = "cpu",
    compile: bool | None = None,
) -> Iterator[int]:
    """Make clips 0 ... `clips` - 1 of a configuration in the folder `out`; those that are there stay.

    Clips depend on the configuration and their number alone: not on workers, nor on where an earlier run stopped.
    Only between compiled kernels and others a few colors differ by one of 255.

    Args:
        config: see `SyntheticConfig`.
        clips: how many; a second run with more of them adds to the folder.
        out: a new folder, or one made of the same configuration.
        workers: processes; one per core by default, one on a GPU.
        device: where avatars are drawn.
        compile: compile the avatars' kernels; by default where that pays.

    Yields:
        How many clips are there, after each. The metadata tables are written at the end, and when stopped.

    Raises:
        DatasetError: `out` holds something else, or clips of another configuration.
        EmoError: a portrait or recording cannot be used, or `out` cannot be written to, or somebody else is at work
            there.
    """
    with claim_folder(out, DatasetError):
        yield from _synthesize(config, clips, out, workers, device, compile)


def _synthesize(
    config: SyntheticConfig, clips: int, out: Path, workers: int | None, device: str, compile: bool | None
) -> Iterator[int]:
    names = {
        kind: [printable(Path(path).name) for path in getattr(config, kind)] for kind in ("portraits", "recordings")
    }
    names["people"] = [printable(person) for person in config.people]
    open_dataset(out, RECIPE, asdict(config) | names, "emo synthesize", EARLIER)
    done = {path.stem for split in SPLITS for path in (out / split).glob("*.safetensors")}
    todo = [index for index in range(clips) if _name(index) not in done]
    if workers is None:
        workers = available_cores() if device == "cpu" else 1
    workers = max(1, min(workers, len(todo)))
    if compile is None:
        frames = config.seconds * config.fps * len(todo) * (1 - config.portrait_share) / workers
        compile = config.pictures and (
            device != "cpu" or (frames > WORTH_COMPILING and shutil.which("c++") is not None)
        )
    count = clips - len(todo)
    try:
        yield count
        tasks = ((index, out) for index in todo)
        for _ in in_processes(_make, tasks, workers, context=partial(Renderer, config, device, compile)):
            count += 1
            yield count
    finally:
        write_metadata(out)


def recipe_of(root: Path) -> dict[str, Any] | None:
    """What the dataset in a folder was made with, every field of `SyntheticConfig`; None where there is none.

    Raises:
        DatasetError: its recipe is damaged.
    """
    recipe = read_recipe(root, RECIPE)
    return None if recipe is None else EARLIER | recipe


def _make(renderer: Renderer, task: tuple[int, Path]) -> None:
    synthesize_clip(renderer, *task)


def _name(index: int) -> str:
    return f"{index:06d}"


def synthesize_clip(renderer: Renderer, index: int, out: Path) -> ClipInfo:
    """Draw clip `index` into the dataset folder `out`: picture and sound, or sound alone, then labels."""
    config = renderer.config
    spec = config.clip_spec(index)
    rendered = renderer.render(spec)
    info = ClipInfo(
        file_name=_name(index) + (".mp4" if config.pictures else TRACK),
        labels=f"{_name(index)}.safetensors",
        person=printable(spec.person),
        split=spec.split,
        fps=config.fps,
        frames=len(rendered.labels["rotation_speed"]),
        width=config.size,
        height=config.size,
        has_audio=True,
        speed=round(float(rendered.labels["rotation_speed"].mean()), 4),
        source="avatar" if spec.portrait is None else "portrait",
        origin=printable(spec.origin),
        motion=rendered.motion,
    )
    folder = out / spec.split
    if rendered.frames is None:
        write_whole(folder / info.file_name, _wav(rendered.waveform))
    else:
        with VideoWriter(folder / info.file_name, config.fps) as writer:
            writer.write(rendered.frames)
            with AudioTrack.open((rendered.waveform, SAMPLE_RATE)) as sound:
                writer.finish(sound)
    save_labels(folder / info.labels, rendered.labels, info)
    return info


def _wav(waveform: np.ndarray) -> bytes:
    """A file of 16-bit samples."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(waveform, -1, 1) * 32767).round().astype("<i2").tobytes())
    return buffer.getvalue()
