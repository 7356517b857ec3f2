"""`emo generate`, of one video or, with `--batch`, of many, for which the model is loaded once."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from emo.cli import generate
from emo.cli.arguments import unfinished
from emo.cli.batch_jobs import Job, is_finished, read_jobs
from emo.cli.batch_processes import BatchProcesses
from emo.cli.batch_ray import make_on_ray
from emo.cli.batch_worker import BatchWorker
from emo.console import note, say
from emo.errors import EmoError, OptionError


def add_parser(commands) -> argparse.ArgumentParser:
    parser = generate.add_parser(commands)
    batch = parser.add_argument_group("many videos")
    batch.add_argument(
        "--batch",
        type=Path,
        metavar="JOBS",
        help="a file of one JSON object a line: portrait, audio, output, and any options above by their names; what "
        "is finished is left as it is",
    )
    batch.add_argument("--ray", metavar="ADDRESS", help="make them on this Ray cluster; local: on this machine")
    return parser


def run(options: argparse.Namespace) -> None:
    if options.batch is not None:
        make_batch(options)
    elif options.ray is not None:
        raise OptionError("--ray is for jobs; give --batch", option="ray")
    else:
        generate.run(options)


def make_batch(options: argparse.Namespace) -> None:
    """Make all videos of the jobs' file that are not finished, each whatever becomes of the others.

    Raises:
        EmoError: a line is wrong; or, after all have been tried, some have failed.
    """
    for name in ("image", "output", "save_motion", "like"):
        if (given := getattr(options, name)) is not None:
            raise OptionError(f"{given}: with --batch, files are given in the lines of {options.batch}", option=name)
    from emo.hub import locate_model, system_of

    started = time.monotonic()
    jobs = read_jobs(options.batch, options)
    processes = BatchProcesses()
    kind = system_of(locate_model(options.model)).options
    waiting = jobs
    if processes.is_main and not options.restart:
        waiting = [job for job in jobs if not is_finished(job, kind)]
    with unfinished(options.batch):
        failed = processes.gather(list(make_jobs(processes.share(waiting), options, processes.device)))
    if not processes.is_main:
        return
    made = len(waiting) - len(failed)
    say(
        f"{options.batch}: {made} made, {len(jobs) - len(waiting)} finished before, {len(failed)} failed; "
        f"took {time.monotonic() - started:.1f} s"
    )
    if failed:
        numbers = ", ".join(map(str, sorted(failed)))
        raise EmoError(f"{options.batch}: {len(failed)} of {len(jobs)} failed, line {numbers}; mend and repeat")


def make_jobs(jobs: list[Job], options: argparse.Namespace, device: str | None) -> Iterator[int]:
    """Make some jobs' videos; says what fails, and yields its lines.

    Args:
        device: of this process among several, if there are.
    """
    if not jobs:
        return
    if options.ray is not None:
        outcomes = make_on_ray(jobs, options.ray)
    else:
        outcomes = make_here(jobs, device)
    for job, failure in outcomes:
        if failure:
            note(f"{options.batch}, line {job.line}: {failure}")
            yield job.line
        elif options.ray is not None:
            say(f"{job.options.output}: made")


def make_here(jobs: list[Job], device: str | None) -> Iterator[tuple[Job, str]]:
    """Each job, and what went wrong or "", made by this process."""
    for job in jobs:
        if device is not None and job.options.device == "auto":
            job.options.device = device
    worker = BatchWorker(alone=device is None)
    for job in jobs:
        yield job, worker.make(job)
