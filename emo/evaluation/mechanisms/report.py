"""A report that can be looked at: a table, a plot per row, a contact sheet, and all numbers as JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.report import save_sheet
from emo.evaluation.row import Row, save_rows
from emo.media import contact_sheet

NAME = "mechanisms"
ON_SHEET = ("talk-", "real-")
ROWS_ON_SHEET = 12


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
    save_rows(rows, about, out, NAME)
    save_sheet(sheet(found), out / f"{NAME}.png")


def sheet(found: Mapping[str, Observation]) -> Image.Image:
    """Frames of generated videos, a row each; below a person's the truth's."""
    chosen = [name for name in found if name.startswith(ON_SHEET) and not name.endswith("-truth")]
    chosen = sorted(chosen, key=lambda name: (not name.startswith("real-"), name))[:ROWS_ON_SHEET]
    rows = [n for name in chosen for n in (name, f"{name}-truth") if n in found]
    frames = [frame for name in rows for frame in found[name].shown]
    labels = [name if i == 0 else "" for name in rows for i in range(len(found[name].shown))]
    return contact_sheet(frames, columns=len(found[rows[0]].shown), labels=labels)
