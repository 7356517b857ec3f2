"""Whether the tests notice when the method is broken: one mutation of tests/mutations at a time.

    python tests/mutate.py                  # all of them
    python tests/mutate.py -n 2 motion ui   # those of an area, or with one of these words in their names

Prints a table of the test that failed first for each, and exits 1 if a mutation goes unnoticed. Not collected by
pytest; tests/test_mutations.py sees that each still fits the source.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from mutations.overlay import run_tests
from mutations.source import Mutation, load_mutations, misfit


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("words", nargs="*", help="areas, or words of names (default: all mutations)")
    parser.add_argument("-n", "--workers", type=int, default=os.cpu_count() or 1, help="at once (default: the cores)")
    parser.add_argument("--limit", type=float, default=600, help="seconds for one (default 600)")
    options = parser.parse_args(arguments)
    chosen = [m for m in load_mutations() if not options.words or any(_matches(m, word) for word in options.words)]
    if not chosen:
        parser.error(f"no mutation of the area or name {' or '.join(options.words)}")
    if misfits := [line for line in map(misfit, chosen) if line]:
        sys.exit("\n".join(misfits))
    unchanged = run_tests({t for m in chosen for t in m.tests.split()}, None, 10 * options.limit, options.workers)
    if unchanged.failed:
        sys.exit(f"{unchanged.failed} fails without any change; nothing can be learned")
    print(f"unchanged: {unchanged.summary}\n\n| mutation | noticed by | s |\n| --- | --- | --- |", flush=True)
    with ThreadPoolExecutor(options.workers) as pool:
        unnoticed = sum(pool.map(lambda mutation: _try(mutation, options.limit), chosen))
    print(f"\n{len(chosen)} mutations, {unnoticed} not noticed")
    return 1 if unnoticed else 0


def _matches(mutation: Mutation, word: str) -> bool:
    return word == mutation.area or word in mutation.name


def _try(mutation: Mutation, limit: float) -> bool:
    """Print a mutation's row of the table; True if no test notices it."""
    start = time.monotonic()
    outcome = run_tests(mutation.tests.split(), mutation, limit)
    noticed = outcome.failed or f"**nobody**, not {mutation.tests}"
    print(f"| {mutation.name} | {noticed} | {time.monotonic() - start:.0f} |", flush=True)
    return outcome.failed is None


if __name__ == "__main__":
    sys.exit(main())
