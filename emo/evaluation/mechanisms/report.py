"""A report that can be looked at: a table, a plot per row, a contact sheet, and all numbers as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.rows import Row
from emo.evaluation.report import markdown_table, new_figure, plots_folder, save_figure, save_sheet
from emo.files import write_whole
from emo.media import contact_sheet

TABLE, NUMBERS, SHEET = "mechanisms.md", "mechanisms.json", "mechanisms.png"
ON_SHEET = ("talk-", "real-")
ROWS_ON_SHEET = 12
VERDICTS = {True: "reached", False: "**missed**", None: ""}


def markdown(rows: Sequence[Row]) -> str:
    """The table."""
    return markdown_table(
        ("mechanism", "paper", "measure", "generated", "ground truth", "bar", ""),
        [
            (row.mechanism, row.section, row.measure, row.value, row.truth, row.bar, VERDICTS[row.passed])
            for row in rows
        ],
    )


def save_report(rows: Sequence[Row], found: Mapping[str, Observation], about: dict[str, Any], out: Path) -> None:
    """Write the report into a folder.

    Args:
        rows: of the table.
        found: the videos' measurements by name.
        about: how the videos were made, for the JSON.
        out: the folder, which exists.

    Raises:
        OutputError: it cannot be written to.
    """
    write_whole(out / TABLE, markdown(rows).encode())
    fields = ("mechanism", "section", "measure", "value", "truth", "bar", "passed", "numbers")
    content = {"about": about, "rows": [{name: getattr(row, name) for name in fields} for row in rows]}
    write_whole(out / NUMBERS, (json.dumps(content, indent=1, default=_plain) + "\n").encode())
    plots = plots_folder(out)
    for number, row in enumerate(rows, 1):
        figure = new_figure(7, 4)
        row.draw(figure.add_subplot())
        save_figure(figure, plots / f"{number:02d}-{row.mechanism.replace(' ', '-')}.png")
    save_sheet(sheet(found), out / SHEET)


def sheet(found: Mapping[str, Observation]) -> Image.Image:
    """Frames of generated videos, a row each; below a person's the truth's."""
    chosen = [name for name in found if name.startswith(ON_SHEET) and not name.endswith("-truth")]
    chosen = sorted(chosen, key=lambda name: (not name.startswith("real-"), name))[:ROWS_ON_SHEET]
    rows = [n for name in chosen for n in (name, f"{name}-truth") if n in found]
    frames = [frame for name in rows for frame in found[name].shown]
    labels = [name if i == 0 else "" for name in rows for i in range(len(found[name].shown))]
    return contact_sheet(frames, columns=len(found[rows[0]].shown), labels=labels)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not for JSON")
