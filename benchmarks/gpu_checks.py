"""What docs/gpu-checks.md waits for, on one GPU and within a budget of minutes: run, judged, and written down there.

    python benchmarks/gpu_checks.py                       # `make gpu-checks`: all of it, in at most 30 minutes
    python benchmarks/gpu_checks.py --minutes 10 --only 1 6
    python benchmarks/gpu_checks.py --rehearse --only 1   # the same commands at tiny size on a CPU; nothing is judged
    python benchmarks/gpu_checks.py --render              # the results that are there into the document

Checks run in the order of gpu_checks_list.py. One is begun if all the time that it may take is left, and ended when
that is over. Results are appended to OUT/results.jsonl, what commands say is in OUT/N/.
"""

import argparse
import json
import platform
import re
import signal
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from gpu_checks_list import CHECKS
from gpu_checks_run import ROOT, Check, Result, run_checks

DOCUMENT = ROOT / "docs/gpu-checks.md"
BUDGET = 31.0  # minutes
WIDTH = 120


def render(document: str, checks: Iterable[Check], results: Iterable[Result]) -> str:
    """The document with each check's bar, and the last result that there is of it.

    Args:
        results: later ones count; rehearsals and what was not run do not.
    """
    latest = {r.number: r for r in results if r.status not in ("rehearsed", "not run")}
    for check in checks:
        entry = re.search(rf"^{check.number}\. .*?(?=^\d+\. |^#|\Z)", document, re.MULTILINE | re.DOTALL)
        if entry is None:
            raise ValueError(f"the document has no entry {check.number}")
        lines = [
            f"- bar: {check.bar}; at most {check.minutes:g} min.",
            f"- result: {_words(latest.get(check.number))}",
        ]
        indent = " " * (len(str(check.number)) + 2)
        told = "".join(
            textwrap.fill(line, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ") + "\n" for line in lines
        )
        head = re.split(rf"^{indent}- (?:bar|result): ", entry[0], maxsplit=1, flags=re.MULTILINE)[0]
        tail = "\n" if entry[0].endswith("\n\n") else ""
        document = document[: entry.start()] + head.rstrip() + "\n" + told + tail + document[entry.end() :]
    return document


def _words(result: Result | None) -> str:
    if result is None:
        return "not run yet."
    return f"{result.status} on {result.date}, {result.device}, in {result.seconds:.0f} s: {result.words}."


def read_results(path: Path) -> list[Result]:
    """What has been written down, from the first on."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [Result(**json.loads(line)) for line in lines]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 where nothing failed, 1 where something did, 2 without a GPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=BUDGET, help=f"of everything (default {BUDGET:g})")
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="entries of the document")
    parser.add_argument("--out", type=Path, default=ROOT / "runs/gpu-checks", help="folder for files and results")
    parser.add_argument("--rehearse", action="store_true", help="at tiny size on the CPU; nothing is judged")
    parser.add_argument("--render", action="store_true", help="run nothing; write what is known into the document")
    options = parser.parse_args(arguments)
    if unknown := set(options.only or ()) - {check.number for check in CHECKS}:
        parser.error(f"--only: there is no entry {min(unknown)}")
    if not options.render:
        device, name = ("cpu", f"CPU, {platform.machine()}") if options.rehearse else gpu()
        if not device:
            print("gpu_checks: no GPU here; --rehearse runs the same at tiny size on the CPU", file=sys.stderr)
            return 2
        checks = [check for check in CHECKS if not options.only or check.number in options.only]
        out = options.out / "rehearsal" if options.rehearse else options.out
        results = run_checks(checks, out.resolve(), device, name, options.minutes, options.rehearse)
        if options.rehearse:
            return int(any(result.status != "rehearsed" for result in results))
    everything = read_results(options.out / "results.jsonl")
    DOCUMENT.write_text(render(DOCUMENT.read_text(encoding="utf-8"), CHECKS, everything), encoding="utf-8")
    return 0 if options.render else int(any(result.status != "passed" for result in results))


def gpu() -> tuple[str, str]:
    """The GPU as torch and as people call it; nothing where there is none."""
    import torch

    return ("cuda", torch.cuda.get_device_name()) if torch.cuda.is_available() else ("", "")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or what is at work would go on without
    sys.exit(main())
