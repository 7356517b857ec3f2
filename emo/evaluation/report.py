"""What both reports are made of: tables in Markdown, plots and contact sheets, each written whole."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from emo.files import write_whole, writing_into


def markdown_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with these titles above its columns."""
    head = "|" + "|".join(f" {title} " if title else " " for title in titles) + "|"
    lines = [head, "|" + "---|" * len(titles), *(f"| {' | '.join(cells)} |" for cells in rows)]
    return "\n".join(lines) + "\n"


def new_figure(width: float, height: float) -> Any:
    """A figure of matplotlib, in inches, that no window shows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as PNG.

    Raises:
        OutputError: it cannot be written.
    """
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    write_whole(path, picture.getvalue())


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a contact sheet as PNG.

    Raises:
        OutputError: it cannot be written.
    """
    picture = io.BytesIO()
    sheet.save(picture, "PNG")
    write_whole(path, picture.getvalue())


def plots_folder(out: Path) -> Path:
    """The folder of a report's plots, made where it is missing.

    Raises:
        OutputError: it cannot be made.
    """
    with writing_into(out / "plots"):
        (out / "plots").mkdir(exist_ok=True)
    return out / "plots"
