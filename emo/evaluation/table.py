"""Reports of `emo evaluate` as one table: a row a system, with the conditions under which its numbers hold.

The format, version 1: `table.csv` has a line for each system and one for the real videos; `table.json` the same with
spreads, counts, settings and how each measure was read; `table.md` both for people.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emo.errors import ConfigError, OptionError
from emo.evaluation.compare.distances import DISTANCES
from emo.evaluation.compare.measures import MEASURES
from emo.evaluation.compare.summary import ARROWS, shown
from emo.evaluation.report import markdown_table
from emo.files import read_json_object, write_whole, writing_into

FORMAT = 1
TABLE, NUMBERS, CELLS = "table.md", "table.json", "table.csv"
REPORT = "report.json"
REAL = "real videos"
CONDITIONS = ("system", "version", "videos", "size", "fps", "frames", "seconds")
FAMILIES = {
    "picture": "against the real video of the same sound, frame by frame or by all frames' features",
    "sync": "of the video's own sound, from where its pictures begin",
    "identity": "with the portrait that was given, else the real video's first face",
    "expression": "from landmarks of MediaPipe's FaceMesh or features of every fifth frame",
    "motion": "head rotation from FaceMesh, for 25 frames per second",
}


@dataclass(frozen=True)
class Report:
    """One system's report.

    Attributes:
        place: the file it was read from.
        content: all of it.
    """

    place: Path
    content: dict[str, Any]

    @property
    def about(self) -> dict[str, Any]:
        return self.content["about"]

    @property
    def lines(self) -> dict[str, dict[str, Any]]:
        """Its measures by name."""
        return {line["name"]: line for line in self.content["measures"]}


def read_report(path: Path) -> Report:
    """A report by its folder or file.

    Raises:
        OptionError: there is none.
        ConfigError: it cannot be understood, or is of a version that kept no conditions.
    """
    file = path / REPORT if path.is_dir() else path
    if not file.is_file():
        raise OptionError(f"{path}: no report of `emo evaluate` is there; give its --out folder")
    content = read_json_object(file, ConfigError)
    if not isinstance(content.get("measures"), list) or "conditions" not in content.get("about", {}):
        raise ConfigError(f"{file}: no report with conditions; measure again with this version of `emo evaluate`")
    return Report(file, content)


def save_table(reports: Sequence[Report], out: Path) -> tuple[str, list[str]]:
    """Write the table into a folder; returns it as Markdown, and what to know before reading it.

    Raises:
        OptionError: reports were made with different networks or real videos, or two have one name.
        OutputError: the folder cannot be written to.
    """
    check_comparable(reports)
    rows = [*(_row(report) for report in reports), _real_row(reports[0])]
    measures = _measures(reports)
    content = {
        "format": FORMAT,
        "measures": measures,
        "networks": reports[0].content["networks"],
        "reference": reports[0].about["conditions"]["reference"],
        "systems": rows,
    }
    warnings = _warnings(reports)
    text = _markdown(rows, measures, content["networks"], warnings)
    with writing_into(out):
        out.mkdir(parents=True, exist_ok=True)
    write_whole(out / NUMBERS, (json.dumps(content, indent=1) + "\n").encode())
    write_whole(out / CELLS, _csv(rows, list(measures)).encode())
    write_whole(out / TABLE, text.encode(errors="backslashreplace"))
    return text, warnings


def check_comparable(reports: Sequence[Report]) -> None:
    """Refuse what must not stand in one table.

    Raises:
        OptionError: see `save_table`.
    """
    first = reports[0]
    names = [report.about["system"] for report in reports]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise OptionError(f"two reports are of {twice[0]}; name them with --system where they are measured")
    for report in reports[1:]:
        if report.about["conditions"]["reference"] != first.about["conditions"]["reference"]:
            raise OptionError(f"{first.place} and {report.place} have different real videos; measure against the same")
        for kind, network in report.content["networks"].items():
            other = first.content["networks"].get(kind, network)
            if other != network:
                raise OptionError(
                    f"{first.place} and {report.place} used different networks for {kind}, {other} and {network}; "
                    "figures of different networks cannot be compared"
                )


def _row(report: Report) -> dict[str, Any]:
    """A system's conditions and numbers."""
    about = report.about
    made = about["conditions"]["generated"]
    return {
        "system": about["system"],
        "version": about["system_version"],
        **_conditions(made),
        "pairs": about["conditions"]["pairs"],
        "portraits": about["conditions"]["portraits"],
        "settings": about["settings"],
        "versions": about["conditions"]["versions"],
        "values": {name: line["value"] for name, line in report.lines.items()},
        "spreads": {name: line["spread"] for name, line in report.lines.items()},
        "clips": {name: line["clips"] for name, line in report.lines.items()},
        "notes": {name: line["note"] for name, line in report.lines.items() if line["note"]},
    }


def _real_row(report: Report) -> dict[str, Any]:
    """The real videos' own numbers, where a measure has them."""
    return {
        "system": REAL,
        "version": "",
        **_conditions(report.about["conditions"]["reference"]),
        "versions": report.about["conditions"]["versions"],
        "values": {name: line["truth"] for name, line in report.lines.items()},
    }


def _conditions(videos: dict[str, Any]) -> dict[str, Any]:
    """Those of `CONDITIONS` that are read from videos."""
    return {
        "videos": videos["count"],
        "size": ", ".join(videos["sizes"]),
        "fps": ", ".join(videos["fps"]),
        "frames": videos["frames"],
        "seconds": videos["seconds"],
    }


def _measures(reports: Sequence[Report]) -> dict[str, dict[str, str]]:
    """By name, what each measure of any report is, and how it is read."""
    kinds = {thing.name: thing.network for thing in (*MEASURES, *DISTANCES)}
    networks = reports[0].content["networks"]
    measures = {}
    for report in reports:
        for name, line in report.lines.items():
            kind = kinds.get(name, "")
            measures[name] = {
                "title": line["title"],
                "better": line["better"],
                "paper": line["paper"],
                "network": networks.get(kind, "") if kind else "",
                "of": FAMILIES[line["family"]],
            }
    return measures


def _warnings(reports: Sequence[Report]) -> list[str]:
    """What differs between rows that readers should know of."""
    warnings = []
    for name, key in (("sizes", "sizes"), ("frame rates", "fps")):
        values = {tuple(report.about["conditions"]["generated"][key]) for report in reports}
        if len(values) > 1:
            warnings.append(
                f"systems' videos have different {name}: {'; '.join(sorted(', '.join(v) for v in values))}"
            )
    counts = {report.about["conditions"]["generated"]["count"] for report in reports}
    if len(counts) > 1:
        warnings.append(f"systems have different numbers of videos: {', '.join(map(str, sorted(counts)))}")
    versions = {json.dumps(report.about["conditions"]["versions"], sort_keys=True) for report in reports}
    if len(versions) > 1:
        warnings.append("reports were made with different versions of this package or its libraries")
    return warnings


def _markdown(
    rows: Sequence[dict[str, Any]], measures: dict[str, dict[str, str]], networks: dict[str, str], warnings: list[str]
) -> str:
    """The table, what to know, and how each measure was read."""
    shown_names = [name for name in measures if any(row["values"].get(name) is not None for row in rows)]
    titles = [*CONDITIONS, *(f"{measures[name]['title']} {ARROWS[measures[name]['better']]}" for name in shown_names)]
    cells = [
        [_cell(row[key]) for key in CONDITIONS] + [_number(row["values"].get(name)) for name in shown_names]
        for row in rows
    ]
    how = [
        [_cell(measure[key]) for key in ("title", "paper", "network", "of")]
        for name, measure in measures.items()
        if name in shown_names
    ]
    versions = ", ".join(f"{name} {version}" for name, version in rows[0]["versions"].items() if version)
    parts = [
        markdown_table(titles, cells),
        *(f"- {line}.\n" for line in warnings),
        f"Measured with {versions}.\n",
        markdown_table(("measure", "from", "network", "read"), how),
    ]
    missing = [measures[name]["title"] for name in measures if name not in shown_names]
    if missing:
        parts.append(f"Left out, as no report has a number: {', '.join(missing)}.\n")
    return "\n".join(parts)


def _csv(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    """A line a system; an empty cell where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*CONDITIONS, *names])
    for row in rows:
        values = [row["values"].get(name) for name in names]
        writer.writerow([*(row[key] for key in CONDITIONS), *("" if value is None else value for value in values)])
    return text.getvalue()


def _number(value: float | str | None) -> str:
    """As tables have it; JSON holds infinite ones as text."""
    return shown(float(value) if isinstance(value, str) else value)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|")
