"""`kill -9` and a full disk at random moments of the commands that write.

    python tests/crash.py kill                    # twenty moments of each command
    python tests/crash.py full --command train --moments 5 --seed 3

At any moment, what stands under a final name is whole; a full disk is told in one line, with status 2; the same
command goes on where it was stopped, and what comes out in the end is, byte for byte, what comes out of a run that
nobody disturbed. Exits 1 where that is not so. `full` mounts a small file system, which needs root. Not collected by
pytest; tests/test_crash.py does a few moments.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS), str(TESTS / "train"), str(TESTS.parent / "train")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

from crashing.commands import COMMANDS, Inputs, empty  # noqa: E402
from crashing.runs import Ended, Run  # noqa: E402

DISK = 96 << 20  # bytes of the small file system
LAST = 0.25  # share of moments in the last tenth of a run, where all is put into place


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("kind", choices=["kill", "full"])
    parser.add_argument("--command", action="append", choices=list(COMMANDS), help="may be repeated (default: all)")
    parser.add_argument("--moments", type=int, default=20, help="for each command (default 20)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    import_everything()
    faults = 0
    with tempfile.TemporaryDirectory(prefix="emo-crash-") as work:
        inputs = Inputs(Path(work) / "inputs")
        made = Run(lambda: inputs.make() or 0, Path(work) / "inputs", Path(work)).wait()
        assert made.status == 0, made.err
        for name in options.command or COMMANDS:
            trial = Trial(name, inputs, Path(work) / name)
            for line in trial.moments(options.kind, options.moments, options.seed):
                faults += line.startswith("  ")
                print(line, flush=True)
    print(f"{faults} faults")
    return 1 if faults else 0


def import_everything() -> None:
    """What the commands import, so that moments fall into their work. Starts no thread: processes are forked."""
    import made_videos  # noqa: F401
    import random_clips  # noqa: F401
    import stage1_image  # noqa: F401

    import emo.cli.main
    import emo.data.prepare.run
    import emo.data.synthesize
    import emo.evaluation.compare.report
    import emo.pipelines  # noqa: F401


class Trial:
    """One command, disturbed again and again. work: a folder of its own."""

    def __init__(self, name: str, inputs: Inputs, work: Path):
        self.name, self.command, self.inputs, self.work = name, COMMANDS[name], inputs, empty(work)
        self.log = work / "log"

    def moments(self, kind: str, count: int, seed: int) -> Iterator[str]:
        """Lines that tell what happened; those with a fault begin with two spaces."""
        rng = random.Random(f"{seed}/{self.name}/{kind}")
        with disk(self.work / "disk", kind == "full") as place:
            place = place or self.work / "disk"
            if kind == "full" and not place.is_mount():
                yield f"{self.name}: skipped, no file system can be mounted here"
                return
            straight, peak = self._straight(place)
            yield f"{self.name}: {straight.seconds:.1f} s undisturbed, {peak / 1e6:.1f} MB on the disk"
            for number in range(count):
                out, temporary = empty(place / "out"), empty(place / "tmp")
                if kind == "kill":
                    share = rng.uniform(0.9, 1.0) if rng.random() < LAST else rng.random()
                    told, faults = self._killed(out, temporary, share * straight.seconds, at_once=number % 2 == 0)
                else:
                    temporary = temporary if rng.random() < 0.5 else empty(self.work / "tmp")
                    told, faults = self._filled(out, temporary, place, rng.uniform(0, peak))
                yield f"{self.name} {number}: {told}"
                yield from (f"  {self.name} {number}: {fault}" for fault in faults)

    def _start(self, out: Path, temporary: Path, *more: str) -> Run:
        told = [*self.command.told(self.inputs, out), *more]
        return Run(lambda: self.command.call(*told), self.log, temporary)

    def _straight(self, place: Path) -> tuple[Ended, int]:
        """An undisturbed run, and the bytes that it took at most; its result is what all others must come to."""
        out, temporary = empty(place / "out"), empty(place / "tmp")
        before, peak = used(place), 0
        run = self._start(out, temporary)
        while run.alive():
            peak = max(peak, used(place) - before)
            time.sleep(0.002)
        ended = run.wait()
        assert ended.status == 0, ended.err
        self.expected = self.command.result(out)
        assert self.expected, f"{self.name} makes nothing"
        return ended, peak

    def _killed(self, out: Path, temporary: Path, seconds: float, at_once: bool) -> tuple[str, list[str]]:
        run = self._start(out, temporary)
        time.sleep(seconds)
        run.kill()
        ended = run.wait()
        told = f"killed after {seconds:.2f} s" if ended.status == -9 else f"done before {seconds:.2f} s"
        faults = [] if at_once else run.family()
        faults += self._whole(out) + self._again(out, temporary) + run.family()
        return told, faults

    def _filled(self, out: Path, temporary: Path, place: Path, room: float) -> tuple[str, list[str]]:
        filler = place / "filler"
        fill(filler, place, int(room))
        ended = self._start(out, temporary).wait()
        faults, words = [], (ended.err.strip().splitlines() or ["nothing said"])[-1]
        if "Traceback" in ended.err:
            faults.append(f"traceback: {words}")
        elif ended.status not in (0, 2):
            faults.append(f"status {ended.status}: {words}")
        elif ended.status == 2 and not words.startswith(("emo: ", "train: ")):
            faults.append(f"unclear: {words}")
        faults += self._whole(out) + self.command.half(out)
        filler.unlink(missing_ok=True)
        return f"{room / 1e6:.2f} MB free: status {ended.status}, {words[:110]}", faults + self._again(out, temporary)

    def _whole(self, out: Path) -> list[str]:
        try:
            return self.command.whole(out)
        except Exception as error:
            return [f"half: {type(error).__name__}: {error}"]

    def _again(self, out: Path, temporary: Path) -> list[str]:
        """The same command, with its word for going on where it asks for that; faults in what comes out."""
        more = self.command.more
        ended = self._start(out, temporary, *(more if self.command.always_more else ())).wait()
        if ended.status == 2 and more and " ".join(more) in ended.err and not self.command.always_more:
            ended = self._start(out, temporary, *more).wait()
        if ended.status != 0:
            return [f"does not go on: status {ended.status}, {(ended.err.strip().splitlines() or ['-'])[-1][:300]}"]
        found = self.command.result(out)
        faults = [
            f"differs: {name}"
            for name in sorted({*found, *self.expected})
            if found.get(name) != self.expected.get(name)
        ]
        return faults + self.command.left(out)


@contextmanager
def disk(folder: Path, small: bool) -> Iterator[Path | None]:
    """A folder; a small file system of its own if asked for and allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    if not small:
        yield folder
        return
    with suppress(OSError):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], capture_output=True)
    try:
        yield folder
    finally:
        if folder.is_mount():
            subprocess.run(["umount", "-l", str(folder)], check=True)


def used(folder: Path) -> int:
    state = os.statvfs(folder)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


def fill(filler: Path, folder: Path, room: int) -> None:
    """Leave `room` bytes of a file system free."""
    state = os.statvfs(folder)
    with open(filler, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, state.f_bavail * state.f_frsize - room))


if __name__ == "__main__":
    sys.exit(main())
