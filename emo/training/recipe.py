"""Commands that make a model one after the other, in slices of time: what is finished is not done again."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class RecipeStep:
    """A command line of a recipe.

    Attributes:
        name: by which it is remembered as done.
        command: the program and its arguments.
        makes: what is there once it has finished.
        trains: whether it is a training script, which can end itself in time.
    """

    name: str
    command: list[str]
    makes: Path
    trains: bool = True


def run_recipe(steps: Iterable[RecipeStep], out: Path, root: Path, stop_after: float | None) -> int | None:
    """Go through all steps that are not finished. Every command is printed as it could be typed.

    Args:
        steps: in their order.
        out: folder of all that is made; `out/done` holds a file for every step that is finished.
        root: folder to run commands in.
        stop_after: seconds after which to stop; the same call goes on.

    Returns:
        Exit status of what failed, 0 if the time is over, or `None` if all is done.
    """
    deadline = time.monotonic() + (stop_after or float("inf"))
    for step in steps:
        done = out / "done" / step.name
        if done.exists():
            continue
        left = deadline - time.monotonic()
        status = call(step, root, left) if left > 0 else None
        if status not in (0, None):
            print(f"this command failed with status {status}", file=sys.stderr)
            return status
        if status is None or not step.makes.exists():
            print(f"stopped in {step.name}; the same command goes on", flush=True)
            return 0
        done.parent.mkdir(exist_ok=True)
        done.touch()
    return None


def call(step: RecipeStep, root: Path, left: float) -> int | None:
    """Run a command for `left` seconds at most: its exit status, or None if it was stopped."""
    limit = [f"train.stop_after_seconds={max(1, round(left))}"] if step.trains and left != float("inf") else []
    print(f"\n$ {shlex.join(step.command)}", flush=True)
    where = {} if torch.cuda.is_available() else {"ACCELERATE_USE_CPU": "true"}  # or several processes look for GPUs
    process = subprocess.Popen([*step.command, *limit], cwd=root, env=os.environ | where)
    try:
        return process.wait(None if limit or left == float("inf") else left)
    except subprocess.TimeoutExpired:
        if step.trains or sys.platform == "win32":  # which sends no Ctrl-C to one process alone
            process.terminate()
        else:
            process.send_signal(signal.SIGINT)
        process.wait()
        return None
    except KeyboardInterrupt:  # the command was interrupted as well
        process.wait()
        raise
