"""What commands and scripts make of fixed seeds, before and after a change that should change nothing.

    python benchmarks/seeded.py record before.json
    python benchmarks/seeded.py record after.json       # in the changed checkout
    python benchmarks/seeded.py compare before.json after.json

A record holds, for each run, items by name: hashes of decoded frames and sound, of arrays, tensors and files, and
numbers as they are. Not in it, as it may differ: times, durations, versions, and the folder that all is made in.
Another machine or other versions of the libraries may make other bytes: record both sides on one. Where the folder
that EMO_TEST_DATA names is there, portraits, voices and videos of some runs come from it. Compared, items that are
only in the second record are counted as new, and bytes of a file that has new items may differ.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from seeded_runs import RUNS
from seeded_workshop import Workshop


def record(out: Path, work: Path | None, only: list[str]) -> int:
    """Run everything, or what is named, in an empty folder; the exit status is 1 where a run failed."""
    with tempfile.TemporaryDirectory() as temporary:
        shop = Workshop(work or Path(temporary))
        runs, failed = {}, []
        for name, run in RUNS.items():
            if only and name not in only:
                continue
            began = time.monotonic()
            try:
                runs[name] = run(shop)
            except Exception as error:  # whatever broke, the other runs still tell something
                failed.append(name)
                print(f"{name}: FAILED: {error}", flush=True)
                continue
            print(f"{name}: {len(runs[name])} items, {time.monotonic() - began:.0f} s", flush=True)
    out.write_text(json.dumps({"test_data": shop.lent is not None, "runs": runs}, indent=1, sort_keys=True) + "\n")
    return int(bool(failed))


def compare(before: Path, after: Path) -> int:
    """Print a row per run; the exit status is 1 where any item changed or is gone."""
    old, new = (json.loads(path.read_text()) for path in (before, after))
    if old["test_data"] != new["test_data"]:
        print("one was recorded with EMO_TEST_DATA and one without: they cannot be compared")
        return 1
    differ = False
    for name in sorted({*old["runs"], *new["runs"]}):
        if name not in old["runs"] or name not in new["runs"]:
            print(f"{name}: only in {before if name in old['runs'] else after}")
            differ = True
            continue
        changed, added = differences(old["runs"][name], new["runs"][name])
        differ = differ or bool(changed)
        extra = f", {len(added)} new" if added else ""
        print(
            f"{name}: {f'DIFFERENT, {len(changed)}' if changed else 'same'} of {len(old['runs'][name])} items{extra}"
        )
        for line in [*changed, *(f"new: {item}" for item in added)]:
            print(f"    {line}")
    return int(differ)


def differences(old: dict, new: dict) -> tuple[list[str], list[str]]:
    """Items of one run that changed or are gone, with their values, and the names of new ones."""
    added = sorted(new.keys() - old.keys())
    changed = []
    for item in sorted(old):
        if item not in new:
            changed.append(f"gone: {item}")
        elif old[item] != new[item]:
            file, _, kind = item.rpartition(": ")
            if kind != "bytes" or not any(other.startswith(f"{file}: ") for other in added):
                changed.append(f"{item}: {_short(old[item])} -> {_short(new[item])}")
    return changed, added


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    recording = commands.add_parser("record", help="run, and write what came out")
    recording.add_argument("out", type=Path, metavar="OUT.json")
    recording.add_argument("--work", type=Path, help="empty folder for all that is made, which stays (default: none)")
    recording.add_argument("--only", nargs="+", choices=list(RUNS), default=[], metavar="NAME", help=", ".join(RUNS))
    comparing = commands.add_parser("compare", help="show where two records differ")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    options = parser.parse_args()
    if options.command == "compare":
        return compare(options.before, options.after)
    if options.work is not None and options.work.exists() and any(options.work.iterdir()):
        parser.error(f"--work {options.work} is not empty")
    return record(options.out, options.work, options.only)


if __name__ == "__main__":
    sys.exit(main())
