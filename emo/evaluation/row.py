"""Rows of a report on a model: what is measured, in words and numbers, and as a table, JSON and a plot each."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emo.evaluation.report import markdown_table, new_figure, plots_folder, save_figure
from emo.files import write_whole

VERDICTS = {True: "reached", False: "**missed**", None: ""}


@dataclass(frozen=True)
class Row:
    """A mechanism.

    Attributes:
        mechanism: what it is.
        section: where the paper has it.
        measure: what is read from the videos.
        value: the measure in words.
        truth: what the same measure gives for true clips.
        bar: in words.
        passed: whether the bar is reached; None where there is none.
        numbers: all that the words are made of.
        draw: draws the row's plot on axes of matplotlib.
    """

    mechanism: str
    section: str
    measure: str
    value: str
    truth: str
    bar: str
    passed: bool | None
    numbers: dict[str, Any]
    draw: Callable[[Any], None] = field(repr=False)


def rows_table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    return markdown_table(
        ("mechanism", "paper", "measure", "generated", "ground truth", "bar", ""),
        [
            (row.mechanism, row.section, row.measure, row.value, row.truth, row.bar, VERDICTS[row.passed])
            for row in rows
        ],
    )


def save_rows(rows: Sequence[Row], about: dict[str, Any], out: Path, name: str) -> None:
    """Write the table, all numbers as JSON, and a plot per row.

    Args:
        rows: of the table.
        about: how the videos were made, for the JSON.
        out: folder, which exists.
        name: of the table's and the numbers' files, without their endings.

    Raises:
        OutputError: it cannot be written to.
    """
    write_whole(out / f"{name}.md", rows_table(rows).encode())
    fields = ("mechanism", "section", "measure", "value", "truth", "bar", "passed", "numbers")
    content = {"about": about, "rows": [{name: getattr(row, name) for name in fields} for row in rows]}
    write_whole(out / f"{name}.json", (json.dumps(content, indent=1, default=_plain) + "\n").encode())
    plots = plots_folder(out)
    for number, row in enumerate(rows, 1):
        figure = new_figure(7, 4)
        row.draw(figure.add_subplot())
        save_figure(figure, plots / f"{number:02d}-{row.mechanism.replace(' ', '-')}.png")


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not for JSON")
