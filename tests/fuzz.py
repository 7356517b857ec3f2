"""Pictures, sounds and videos bent at random, through `generate`, `prepare`, `evaluate` and the page's API.

    python tests/fuzz.py                      # 500 cases, ten minutes on two cores
    python tests/fuzz.py --case 17 --seed 3   # one of them again, its files kept

No traceback, no half file, no file read but the given one, nothing left running; and no crash, no hang, no memory
without bounds. All of a case follows from the seed and its number. Cases that show a fault are kept in a folder with
their files and what was said. Exits 1 if there is one. Not collected by pytest; tests/test_fuzz.py runs a few.
"""

import argparse
import json
import queue
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fuzzing.process import WorkerProcess, traced_faults

GROWTH = 600e6  # bytes by which a worker may grow from its tenth case to its last ones


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    shutil.rmtree(options.keep, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="emo-fuzz-") as work:
        results = Run(options, Path(work)).go()
    return report(results, options)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--case", type=int, action="append", help="do this one alone; may be repeated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--minutes", type=float, default=60, help="start no case after so long (default 60)")
    parser.add_argument("--limit", type=float, default=150, help="seconds for a case (default 150)")
    parser.add_argument("--memory", type=float, default=2, help="gigabytes for a case (default 2)")
    parser.add_argument("--traced", type=int, help="cases watched by strace, of files that name others (default 20)")
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"), help="folder for cases with faults")
    return parser


class Run:
    """All cases, each done by the next worker that is free."""

    def __init__(self, options: argparse.Namespace, work: Path):
        self.options, self.work = options, work
        self.results: list[dict] = []
        self.todo: queue.SimpleQueue = queue.SimpleQueue()
        self.end = time.monotonic() + 60 * options.minutes
        self.lock = threading.Lock()

    def go(self) -> list[dict]:
        options = self.options
        for number in options.case or range(options.cases):
            self.todo.put(number)
        plan = [(f"worker-{number}", None) for number in range(1 if options.case else options.workers)]
        threads = [threading.Thread(target=self._work, args=one) for one in plan]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        traced = options.traced if options.traced is not None else 0 if options.case else 20
        if traced and shutil.which("strace") and time.monotonic() < self.end:
            self._traced(traced)
        return self.results

    def _worker(self, name: str, trace: Path | None = None) -> WorkerProcess:
        options = self.options
        shared = self.work / "bases"
        return WorkerProcess(self.work / name, options.seed, shared, options.limit, int(options.memory * 1e9), trace)

    def _work(self, name: str, pointer: bool | None) -> None:
        worker = self._worker(name)
        try:
            while time.monotonic() < self.end:
                try:
                    number = self.todo.get_nowait()
                except queue.Empty:
                    break
                self._put(worker.do(number, pointer))
        finally:
            self._judge_growth(worker)
            worker.close()

    def _traced(self, count: int) -> None:
        """Cases of files that name others, with every system call that opens, calls or starts written down."""
        log = self.work / "strace.log"
        worker = self._worker("traced", log)
        answers = {}
        try:
            for number in range(10_000, 10_000 + count):
                if time.monotonic() < self.end:
                    answers[number] = worker.do(number, True)
        finally:
            worker.close()
        for number, seen in traced_faults(log, self.work / "bases").items():
            if number in answers:
                answers[number]["faults"] += sorted(seen)
        for answer in answers.values():
            self._put(answer)

    def _judge_growth(self, worker: WorkerProcess) -> None:
        sizes = worker.sizes
        if len(sizes) > 60 and (grown := statistics.median(sizes[-15:]) - statistics.median(sizes[10:25])) > GROWTH:
            fault = f"memory: a worker grew by {grown / 1e6:.0f} MB in {len(sizes)} cases"
            self._put({"number": -1, "target": "all", "notes": [], "faults": [fault]})

    def _put(self, answer: dict) -> None:
        """Take an answer; of a case with a fault keep the files."""
        folder = answer.get("folder")
        if answer["faults"] and folder and Path(folder).is_dir():
            kept = self.options.keep / f"case-{answer['number']}"
            shutil.copytree(folder, kept, dirs_exist_ok=True, ignore=_canaries)
            (kept / "case.json").write_text(json.dumps(answer, indent=1))
            answer["folder"] = str(kept)
        if folder and not (answer["faults"] and self.options.case):
            shutil.rmtree(folder, ignore_errors=True)
        with self.lock:
            self.results.append(answer)
            for fault in answer["faults"]:
                print(f"case {answer['number']} ({answer['target']}): {fault}", flush=True)
            if len(self.results) % 50 == 0:
                print(f"{len(self.results)} cases", flush=True)


def _canaries(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith("canary.") or re.fullmatch(r"canary-\d+\.png", name)]


def report(results: list[dict], options: argparse.Namespace) -> int:
    """Print what there was by target and the faults by kind; the exit status."""
    kinds: dict[str, list[dict]] = {}
    for answer in results:
        for fault in answer["faults"]:
            kind = re.sub(r"case-\d+|0x[0-9a-f]+|/\S+|[\d.]+", "…", fault)[:150]
            kinds.setdefault(kind, []).append(answer)
    print(f"\n{len(results)} cases:", dict(Counter(answer["target"] for answer in results)))
    for kind, answers in sorted(kinds.items(), key=lambda pair: -len(pair[1])):
        numbers = ", ".join(dict.fromkeys(str(answer["number"]) for answer in answers))
        print(f"{len(answers):4d} times {kind}\n       cases {numbers[:100]}")
        print(f"       as {answers[0]['target']}: {'; '.join(answers[0]['notes'])[:200]}")
    faulty = sum(bool(answer["faults"]) for answer in results)
    where = f"; their files are in {options.keep}, and --case N --seed {options.seed} repeats one" if faulty else ""
    print(f"{faulty} cases with faults{where}")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
