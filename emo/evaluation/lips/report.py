"""The report on lips: table, plots, JSON, and a contact sheet of generated clips above the real ones."""

from collections.abc import Sequence
from typing import Any

from emo.evaluation.compare.measured import MeasuredVideo
from emo.evaluation.lips.generator import LipsGenerator
from emo.evaluation.report import save_sheet
from emo.evaluation.row import Row, save_rows
from emo.media import contact_sheet

NAME = "lips"
CLIPS_ON_SHEET = 6


def save_report(rows: Sequence[Row], names: Sequence[str], generator: LipsGenerator, about: dict[str, Any]) -> None:
    """Write the report into the generator's folder.

    Args:
        rows: of the table.
        names: of the clips.
        generator: which made the videos.
        about: how, for the JSON.

    Raises:
        OutputError: it cannot be written to.
    """
    save_rows(rows, about, generator.out, NAME)
    frames, labels = [], []
    for name in names[:CLIPS_ON_SHEET]:
        for kind, label in (("own", name), ("real", "real")):
            shown = MeasuredVideo(generator.path(name, kind), generator.out / "cache").shown
            frames += list(shown)
            labels += [label] + [""] * (len(shown) - 1)
    save_sheet(contact_sheet(frames, columns=len(shown), labels=labels), generator.out / f"{NAME}.png")
