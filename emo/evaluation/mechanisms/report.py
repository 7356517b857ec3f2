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
ROWS_ON_SHEET = 12


def save_report(
    rows: Sequence[Row], found: Mapping[str, Observation], about: dict[str, Any], on_sheet: Sequence[str], out: Path
) -> None:
    """Write the report into a folder.

    Args:
        rows: of the table.
        found: the videos' measurements by name.
        about: how the videos were made, for the JSON.
        on_sheet: what names of videos that are shown begin with; see `Family`.
        out: the folder, which exists.

    Raises:
        OutputError: it cannot be written to.
    """
    save_rows(rows, about, out, NAME)
    save_sheet(sheet(found, on_sheet), out / f"{NAME}.png")


def sheet(found: Mapping[str, Observation], on_sheet: Sequence[str]) -> Image.Image:
    """Frames of generated videos, a row each; below a person's the truth's."""
    made = sorted(name for name in found if not name.endswith("-truth"))
    chosen = [name for beginning in on_sheet for name in made if name.startswith(beginning)][:ROWS_ON_SHEET]
    rows = [n for name in chosen for n in (name, f"{name}-truth") if n in found]
    frames = [frame for name in rows for frame in found[name].shown]
    labels = [name if i == 0 else "" for name in rows for i in range(len(found[name].shown))]
    return contact_sheet(frames, columns=len(found[rows[0]].shown), labels=labels)
