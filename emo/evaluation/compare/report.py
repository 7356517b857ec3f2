"""The comparison as files: a table, plots, contact sheets of the best and the worst clips, JSON, and one HTML page."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from emo.evaluation.compare.measures import Measure
from emo.evaluation.compare.page import html_page
from emo.evaluation.compare.run import ClipResult, Comparison, Plan
from emo.evaluation.compare.summary import ARROWS, Line, ranked, shown, summarize
from emo.evaluation.report import markdown_table, new_figure, plots_folder, save_figure, save_sheet
from emo.files import write_whole, writing_into
from emo.media import contact_sheet
from emo.names import printable

TABLE, NUMBERS, PAGE = "report.md", "report.json", "report.html"
ON_SHEET = 4  # clips on each contact sheet


def save_report(plan: Plan, comparison: Comparison, about: dict[str, Any], out: Path) -> list[Line]:
    """Write the report into a folder, which exists; returns the table's lines.

    Raises:
        OutputError: it cannot be written to.
    """
    lines, order = summarize(plan, comparison), ranked(plan, comparison.clips)
    write_whole(out / TABLE, markdown(lines).encode(errors="backslashreplace"))
    write_whole(out / NUMBERS, (json.dumps(_content(lines, comparison, about), indent=1) + "\n").encode())
    pictures = {}
    with writing_into(plots := plots_folder(out)):
        for old in plots.glob("*.png"):
            old.unlink()
    for family in dict.fromkeys(measure.family for measure in plan.measures):
        measures = [m for m in plan.measures if m.family == family and _values(comparison.clips, m)]
        if measures:
            path = pictures[f"{family}, clip by clip"] = plots / f"{family}.png"
            save_plot(measures, comparison.clips, path)
    if order:
        few = min(ON_SHEET, len(order))
        for name, clips in (("best", order[:few]), ("worst", order[-few:])):
            path = pictures[f"{name} clips, each above its truth"] = out / f"{name}.png"
            save_sheet(_sheet(plan, comparison, clips), path)
    page = html_page(plan, lines, comparison, order, pictures, about)
    write_whole(out / PAGE, page.encode(errors="backslashreplace"))
    return lines


def markdown(lines: Sequence[Line]) -> str:
    """The table."""
    rows = []
    for line in lines:
        spread = f" ± {shown(line.spread)}" if line.spread is not None else ""
        cells = (line.title, ARROWS[line.better], shown(line.value) + spread, shown(line.truth), line.paper, line.note)
        rows.append([cell.replace("|", "\\|") for cell in cells])
    return markdown_table(("measure", "", "generated", "truth", "paper", ""), rows)


def save_plot(measures: Sequence[Measure], clips: Sequence[ClipResult], path: Path) -> None:
    """A family's measures over its clips, sorted by the generated value, truth beside it."""
    columns = min(3, len(measures))
    rows = math.ceil(len(measures) / columns)
    figure = new_figure(4 * columns, 2.8 * rows)
    for number, measure in enumerate(measures, 1):
        axes = figure.add_subplot(rows, columns, number)
        values = sorted(_values(clips, measure), key=lambda pair: pair[0])
        place = np.arange(len(values)) + 0.5
        if any(truth is not None for _, truth in values):
            truths = [math.nan if truth is None else truth for _, truth in values]
            axes.plot(place, truths, "_", color="0.4", markersize=18, label="truth")
        axes.plot(place, [value for value, _ in values], "o", markersize=5, label="generated")
        axes.legend(fontsize="small")
        axes.set(title=f"{measure.title} {ARROWS[measure.better]}", xlim=(0, len(values)), xticks=[])
        axes.set_xlabel(f"{len(values)} clips")
    save_figure(figure, path)


def _values(clips: Sequence[ClipResult], measure: Measure) -> list[tuple[float, float | None]]:
    """Finite values of a measure, with the truth's."""

    def finite(value: float | str | None) -> TypeGuard[float]:
        return isinstance(value, float) and math.isfinite(value)

    pairs = [(clip.values.get(measure.name), clip.truths.get(measure.name)) for clip in clips]
    return [(value, truth if finite(truth) else None) for value, truth in pairs if finite(value)]


def _sheet(plan: Plan, comparison: Comparison, clips: Sequence[ClipResult]):
    """Frames of clips, a row each, and below it one of the real video."""
    pairs = {pair.name: pair for pair in plan.pairs}
    frames, labels = [], []
    for clip in clips:
        pair = pairs[clip.name]
        for path, label in ((pair.generated, clip.name), (pair.reference, "truth")):
            if path not in comparison.videos:
                continue
            shown_frames = comparison.videos[path].fresh().shown
            frames += list(shown_frames)
            labels += [label] + [""] * (len(shown_frames) - 1)
    return contact_sheet(frames, columns=len(shown_frames), labels=labels)


def _content(lines: Sequence[Line], comparison: Comparison, about: dict[str, Any]) -> dict[str, Any]:
    """All numbers, infinite ones as text, for JSON has none; and texts as they can be shown."""
    return _for_json(
        {
            "about": about,
            "networks": comparison.networks,
            "measures": [asdict(line) for line in lines],
            "clips": [asdict(clip) for clip in comparison.clips],
            "unreadable": comparison.unreadable,
        }
    )


def _for_json(thing: Any) -> Any:
    """The same with texts as they can be shown, and infinite numbers as text."""
    if isinstance(thing, dict):
        return {_for_json(key): _for_json(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [_for_json(value) for value in thing]
    odd = isinstance(thing, float) and not math.isfinite(thing)
    return printable(thing) if odd or isinstance(thing, str) else thing
