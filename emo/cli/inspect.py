"""`emo inspect`: what is in a dataset."""

import argparse
from pathlib import Path

from emo.errors import OptionError


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "inspect",
        help="show what is in a dataset",
        description="Count clips, people and hours, and draw histograms and a sheet of frames with face boxes and "
        "landmarks, as a picture and as a web page.",
    )
    parser.add_argument("dataset", type=Path, help="folder of a dataset")
    parser.add_argument("--out", type=Path, help="PNG or HTML to write; both are (default: DATASET/inspect)")
    parser.add_argument("--frames", type=int, default=32, help="pictures on the sheet (default 32)")
    return parser


def run(options: argparse.Namespace) -> None:
    if options.frames < 1:
        raise OptionError(f"--frames {options.frames}: must be at least 1")

    from emo.data.inspect import inspect_dataset, save_report

    report = inspect_dataset(options.dataset, options.frames)
    out = options.out or options.dataset / "inspect"
    out = out.with_suffix("") if out.suffix in (".png", ".html") else out
    picture, page = save_report(report, f"Dataset {options.dataset.resolve().name}", out)
    for name, value in report.summary.items():
        print(f"{name}: {value}")
    print(f"{picture}, {page}")
