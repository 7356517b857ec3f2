"""The report on portraits: a table with a row per model, all numbers as JSON, and strips to look at."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emo.evaluation.portraits.faces import cropped
from emo.evaluation.portraits.measures import TalkMeasures
from emo.evaluation.portraits.plan import Talk
from emo.evaluation.report import markdown_table, save_sheet
from emo.files import write_whole
from emo.media import VideoReader, contact_sheet

NAME = "portraits"
TITLES = (
    "model",
    "face found",
    "own portrait nearest",
    "sharpness",
    "eyes apart",
    "r with the sound's mouth",
    "long: own, sharpness, color",
    "CPU s / frame",
)
ON_SHEET = 5  # portraits
FRAMES_ON_SHEET = 4
CELL = (192, 192)


def table(measured: Mapping[str, Sequence[TalkMeasures]]) -> str:
    """A row per model, in Markdown: means over its talks."""
    return markdown_table(TITLES, [(name, *_row(talks)) for name, talks in measured.items()])


def save_report(
    measured: Mapping[str, Sequence[TalkMeasures]],
    talks: Sequence[Talk],
    folders: Mapping[str, Path],
    about: dict[str, Any],
    out: Path,
) -> None:
    """Write the report.

    Args:
        measured: talks by model.
        talks: in the same order.
        folders: of the videos, by model.
        about: how they were made, for the JSON.
        out: folder, which exists.

    Raises:
        OutputError: it cannot be written to.
    """
    write_whole(out / f"{NAME}.md", table(measured).encode())
    content = {"about": about, "models": {name: [asdict(each) for each in found] for name, found in measured.items()}}
    write_whole(out / f"{NAME}.json", (json.dumps(content, indent=1) + "\n").encode())
    cells, labels = [], []
    for talk in [talk for talk in talks if not talk.long][:ON_SHEET]:
        for number, (name, folder) in enumerate(folders.items()):
            with VideoReader(folder / f"{talk.name}.mp4") as video:
                places = np.linspace(0, video.num_frames - 1, FRAMES_ON_SHEET).round().astype(int)
                frames = video.read(places.tolist())
            first = cropped(talk.portrait, *CELL[::-1]) if number == 0 else np.full((*CELL[::-1], 3), 255, np.uint8)
            cells += [first, *frames]
            labels += [talk.name if number == 0 else "", name, *[""] * (FRAMES_ON_SHEET - 1)]
    save_sheet(contact_sheet(cells, columns=FRAMES_ON_SHEET + 1, cell=CELL, labels=labels), out / f"{NAME}.png")


def _row(talks: Sequence[TalkMeasures]) -> list[str]:
    short = [talk for talk in talks if talk.drifted is None] or talks
    drifted = next((talk.drifted for talk in talks if talk.drifted), None)

    def mean(name: str, form: str) -> str:
        values = [value for talk in short if not math.isnan(value := getattr(talk, name))]
        return format(float(np.mean(values)), form) if values else ""

    return [
        mean("found", ".1%"),
        mean("own", ".0%"),
        mean("sharpness", ".2f"),
        mean("eyes", ".3f"),
        mean("mouth", ".2f"),
        f"{drifted.own:.0%}, {drifted.sharpness:+.0%}, {drifted.color:.1%}" if drifted else "",
        mean("seconds", ".2f"),
    ]
