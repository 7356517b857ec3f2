"""Tests run on a changed checkout that is never copied: a folder of links in which one file is real."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from mutations.source import ROOT, Mutation

LINKED = {"weights", "docs"}  # folders that are one link; in all others each file is one
LEFT_OUT = re.compile(r"\.git|\.venv.*|\..*_cache|\.hypothesis|__pycache__|out|runs|build|dist|site")


@dataclass(frozen=True)
class Outcome:
    """What pytest said.

    Attributes:
        failed: the first test that failed, or None where all passed.
        summary: pytest's last line.
    """

    failed: str | None
    summary: str


@contextmanager
def overlay(mutation: Mutation | None = None, root: Path = ROOT) -> Iterator[Path]:
    """A folder that looks like the checkout with a mutation applied; it is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="emo-mutation-") as folder:
        top = Path(folder) / "checkout"
        _link(root, top)
        if mutation is not None:
            changed = mutation.apply((root / mutation.file).read_text(encoding="utf-8"))
            (top / mutation.file).unlink()
            (top / mutation.file).write_text(changed, encoding="utf-8")
        yield top


def run_tests(tests: Iterable[str], mutation: Mutation | None, limit: float, workers: int = 1) -> Outcome:
    """Run tests on the checkout with a mutation applied.

    Args:
        tests: as in `Mutation.tests`.
        mutation: what is changed, if anything.
        limit: seconds after which a run that hangs counts as failed.
        workers: processes that share the tests.
    """
    with overlay(mutation) as checkout:
        options = ["-q", "-x", "--tb=no", "-rfE", "-p", "no:cacheprovider", "-m", "not slow and not browser"]
        if workers > 1:
            options += ["-n", str(workers), "--dist", "loadfile"]
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *(f"tests/{test}" for test in sorted(tests))],
            cwd=checkout,
            env=_environment(checkout),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            said, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            _end(process)
            return Outcome(f"no end after {limit:g} s", "")
    if process.returncode not in (0, 1, 2):
        raise RuntimeError(f"pytest could not run:\n{said}")
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
    assert (failed is None) == (process.returncode == 0), said
    return Outcome(failed and failed[1], said.strip().splitlines()[-1])


def _link(source: Path, target: Path) -> None:
    target.mkdir()
    for entry in os.scandir(source):
        if LEFT_OUT.fullmatch(entry.name):
            continue
        if entry.is_dir() and entry.name not in LINKED:
            _link(Path(entry.path), target / entry.name)
        else:
            (target / entry.name).symlink_to(entry.path)


def _environment(checkout: Path) -> dict[str, str]:
    """The environment in which the changed package is imported, and no bytecode of it is kept."""
    data = os.environ.get("EMO_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    return os.environ | {
        "PYTHONPATH": str(checkout),
        "EMO_TEST_DATA": data,
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }


def _end(process: subprocess.Popen) -> None:
    """End a process and all that it started."""
    family = [*psutil.Process(process.pid).children(recursive=True), process]
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.communicate()
