"""`emo evaluate table`: reports of several systems as one table."""

import argparse
from pathlib import Path

from emo.console import note, say
from emo.locks import claim_folder


def add_parser(kinds) -> None:
    parser = kinds.add_parser(
        "table",
        help="reports of several systems as one table",
        description="Put reports of `emo evaluate` side by side: a row for each system and one for the real videos, "
        "as Markdown, JSON and CSV, with the conditions of each: number, size, rate and length of its videos, "
        "versions, and how each measure was read. Reports that used different networks or real videos are refused. "
        "See docs/evaluate-others.md.",
    )
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT", help="folders of reports, or report.json")
    parser.add_argument("--out", type=Path, required=True, help="folder of the table")
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> None:
    """Read the reports and write the table."""
    from emo.evaluation.table import TABLE, read_report, save_table

    reports = [read_report(path) for path in options.reports]
    with claim_folder(options.out):
        text, warnings = save_table(reports, options.out)
    print(text, end="")
    for line in warnings:
        note(line)
    say(f"{options.out / TABLE}: {len(reports)} systems")
