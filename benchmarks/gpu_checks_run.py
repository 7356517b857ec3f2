"""How a list of checks is run within a budget of time: commands, what they tell, and what is made of it."""

import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
GRACE = 5.0  # seconds that a stopped command has to end
PATIENCE = 4  # times as long may a rehearsal take: a CPU may be slow


@dataclass(frozen=True)
class Place:
    """Where and how large a check is run.

    Attributes:
        folder: of its own, for its files.
        device: of torch.
        tiny: whether it is a rehearsal.
    """

    folder: Path
    device: str
    tiny: bool


@dataclass(frozen=True)
class Told:
    """What came of one command.

    Attributes:
        seconds: that it took.
        values: the JSON object at the end of what it printed, if there is one.
    """

    seconds: float
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What a check has shown.

    Attributes:
        figures: in words.
        missed: what of the bar is not reached, in words.
    """

    figures: str
    missed: Sequence[str] = ()


@dataclass(frozen=True)
class Check:
    """An entry of the document.

    Attributes:
        number: of the entry.
        name: in a few words.
        bar: what it must show.
        minutes: after which it is ended.
        commands: what is run, one after the other.
        judge: of what came of each.
    """

    number: int
    name: str
    bar: str
    minutes: float
    commands: Callable[[Place], list[list[str]]]
    judge: Callable[[list[Told]], Verdict]


@dataclass(frozen=True)
class Result:
    """What is written down of a check.

    Attributes:
        number: of the entry.
        status: "passed", "missed", "failed", "stopped", "not run" or "rehearsed".
        words: figures, or what went wrong.
        device: by name.
        date: in ISO's form.
        seconds: that it took.
    """

    number: int
    status: str
    words: str
    device: str
    date: str
    seconds: float


class CommandFailed(Exception):
    """A command of a check has ended with an error."""


def run_checks(
    checks: Iterable[Check],
    out: Path,
    device: str,
    name: str,
    minutes: float,
    tiny: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> list[Result]:
    """Run what fits into the budget.

    Args:
        out: folder for files and results.
        device: of torch.
        name: of the device, for people.
        minutes: of everything.
        tiny: whether it is a rehearsal.
        clock: seconds.
    """
    end = clock() + 60 * minutes
    results = []
    for check in checks:
        left, begun = (end - clock()) / 60, clock()
        if left < check.minutes:
            status, words = "not run", f"it may take {check.minutes:g} min, and {max(0.0, left):.1f} were left"
        else:
            print(f"{check.number}. {check.name}, at most {check.minutes:g} min", flush=True)
            status, words = run_check(check, Place(out / str(check.number), device, tiny))
        result = Result(check.number, status, words, name, time.strftime("%Y-%m-%d"), round(clock() - begun, 1))
        print(f"{check.number}. {status}: {words}", flush=True)
        out.mkdir(parents=True, exist_ok=True)
        with (out / "results.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result)) + "\n")
        results.append(result)
    return results


def run_check(check: Check, place: Place) -> tuple[str, str]:
    """Status and words of one check."""
    end = time.monotonic() + 60 * check.minutes * (PATIENCE if place.tiny else 1)
    shutil.rmtree(place.folder, ignore_errors=True)  # what an earlier run has left would be taken for this one's
    place.folder.mkdir(parents=True)
    told = []
    try:
        for number, command in enumerate(check.commands(place), 1):
            told.append(run_command(command, place.folder / f"{number}.log", end))
        verdict = check.judge(told)
    except subprocess.TimeoutExpired:
        return "stopped", f"after {check.minutes:g} min, in its command {len(told) + 1}; see {place.folder}"
    except CommandFailed as error:
        return "failed", str(error)
    except (KeyError, ValueError, OSError) as error:
        return "failed", f"{type(error).__name__}: {error}; see {place.folder}"
    if place.tiny:
        return "rehearsed", verdict.figures
    if verdict.missed:
        return "missed", f"{verdict.figures}; {', '.join(verdict.missed)}"
    return "passed", verdict.figures


def run_command(command: Sequence[str], log: Path, end: float) -> Told:
    """Run a command, and what it starts, until it ends or its time is over.

    Args:
        log: for the command and its errors; what it prints goes beside it, into a file that ends in .out.
        end: when its time is over, by `time.monotonic`.

    Raises:
        subprocess.TimeoutExpired: it is over.
        CommandFailed: the command has ended with an error.
    """
    begun = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with log.open("w", encoding="utf-8") as said, log.with_suffix(".out").open("w+", encoding="utf-8") as printed:
        print(shlex.join(command), file=said, flush=True)
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=printed, stderr=said, start_new_session=True
        )
        try:
            status = process.wait(max(0.0, end - begun))
        finally:
            _end(process)
    text = log.with_suffix(".out").read_text(encoding="utf-8", errors="replace")
    if status:
        lines = (text + log.read_text(encoding="utf-8", errors="replace")).strip().splitlines()
        raise CommandFailed(f"{shlex.join(command[:4])} ...: exit {status}, {lines[-1][:200]}; see {log}")
    return Told(time.monotonic() - begun, last_object(text))


def _end(process: subprocess.Popen) -> None:
    """End a process that is still there, with all that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue


def last_object(text: str) -> dict[str, Any]:
    """The JSON object that begins with the last line that can begin one, or nothing."""
    begins = [found.start() for found in re.finditer(r"^\{", text, re.MULTILINE)]
    if not begins:
        return {}
    return json.JSONDecoder().raw_decode(text[begins[-1] :])[0]


def missed(what: str, value: float, least: float = -math.inf, most: float = math.inf) -> list[str]:
    """In words, where a value does not lie within its bar; nothing where it does."""
    return [] if least <= value <= most else [f"{what} misses its bar"]
