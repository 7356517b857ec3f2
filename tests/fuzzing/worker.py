"""A process that does cases, one after the other, and says what was wrong with each:

python worker.py WORK SEED     numbers come as lines of JSON, answers go back as lines of JSON
"""

import json
import os
import shutil
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fuzzing.bases import Bases  # noqa: E402
from fuzzing.cases import Case, good_case, make_case  # noqa: E402
from fuzzing.eyes import Hook, Listener, OpenedFiles, left_running  # noqa: E402
from fuzzing.judge import judge_folder, judge_video, judge_words, last_line  # noqa: E402

KEPT = ("emo-ui-", "torchinductor_")  # of the page while it is served; torch's own
GRACE = 5.0  # seconds for what is being cleared away
PAGE_FIELDS = ("portrait", "sound", "region", "speed", "options")


class Worker:
    """work: a folder of its own."""

    def __init__(self, work: Path, seed: int, shared: Path):
        self.work, self.seed = work, seed
        self.temporary = work / "tmp"
        for folder in (self.temporary, work / "home"):
            folder.mkdir(parents=True, exist_ok=True)
        os.environ |= {"TMPDIR": str(self.temporary), "HOME": str(work / "home")}
        self.bases = Bases(shared)
        self.bases.canaries()
        self.listener = Listener()
        self.hook = Hook(work.parent, ROOT)
        self.refused: str | bool | None = None
        sys.addaudithook(self.hook.event)
        self._prepare()
        self._serve()

    def _prepare(self) -> None:
        """Import and load what all cases need, so that they differ in nothing but their files."""
        import torch
        from tiny import tiny_pipeline

        import emo.cli.generate

        torch.set_num_threads(1)
        self.pipe = tiny_pipeline()
        emo.cli.generate.load_pipeline = lambda *_: self.pipe
        for target in ("generate", "prepare", "evaluate"):
            shutil.rmtree(self.work / "case--1", ignore_errors=True)
            self._command(good_case(target, self.work / "case--1", self.bases))

    def do(self, number: int, pointer: bool | None, keep: Path | None = None) -> dict:
        """One case: its faults, and what it was."""
        folder = self.work / f"case-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        case = make_case(self.seed, number, folder, self.bases, self.listener.port, pointer)
        before = {path: path.read_bytes() for path in case.given}
        told = {"target": case.target, "notes": case.notes, "arguments": case.arguments}
        (folder / "case.json").write_text(json.dumps(told, indent=1))
        started = time.monotonic()
        faults = self._watched(case)
        if case.good and self.refused:
            faults.append(f"refused: nothing is wrong with these files: {self.refused[:200]}")
        if changed := [path.name for path in before if not path.is_file() or path.read_bytes() != before[path]]:
            faults.append(f"input changed: {changed}")
        return told | {"faults": faults, "seconds": time.monotonic() - started, "folder": str(folder)}

    def _watched(self, case: Case) -> list[str]:
        threads = set(threading.enumerate())
        writable = [case.outputs, self.temporary, self.work / "home", case.folder / "said"]
        with OpenedFiles() as opened:
            opened.watch(case.inputs)
            self.listener.calls()
            self.hook.start([*case.given, case.inputs], writable)
            try:
                run = self._visit if case.target == "page" else self._command
                faults = run(case)
            finally:
                seen = self.hook.stop()
            faults += self._cleared()
            names = {path.name for path in case.given}
            faults += [f"foreign file: opened {name}" for name in sorted(opened.names() - names)]
        faults += [f"foreign file: {what}" for what in sorted(seen)]
        if calls := self.listener.calls():
            faults.append(f"call: {calls} to an address named in the file")
        if case.target != "page":
            late = [t.name for t in set(threading.enumerate()) - threads if not t.daemon]
            faults += [f"left running: thread {name}" for name in late]
        return faults

    def _cleared(self) -> list[str]:
        """Wait until nothing runs and no temporary file is there."""
        end = time.monotonic() + GRACE
        while True:
            running = left_running()
            files = [path.name for path in self.temporary.iterdir() if not path.name.startswith(KEPT)]
            if not (running or files) or time.monotonic() > end:
                break
            time.sleep(0.05)
        for path in self.temporary.iterdir():
            if path.name in files:
                shutil.rmtree(path, ignore_errors=True)
        return [f"left running: {what}" for what in running] + [f"left behind: {name}" for name in files]

    def _command(self, case: Case) -> list[str]:
        """`emo …` in this process, with the terminal's two streams in files."""
        from emo.cli.main import main

        os.chdir(case.inputs)
        with _Captured(case.folder) as said:
            try:
                status = main(case.arguments)
            except SystemExit as error:
                status = error.code
            except BaseException:
                traceback.print_exc()
                status = 1
        os.chdir(self.work)
        out, err = said.texts()
        self.refused = status != 0 and last_line(err)
        return judge_words(status, out, err) + judge_folder(case.target, status, out, case.outputs)

    def _serve(self) -> None:
        import logging

        from gradio_client import Client

        from emo.ui import Limits
        from emo.ui.server import serve

        logging.getLogger("httpx").setLevel(logging.ERROR)
        self._served = serve(self.pipe, Limits(upload=8, sound=5, work=1, steps=4))
        page, _ = self._served.__enter__()
        self.client = Client(page, verbose=False, download_files=False, httpx_kwargs={"timeout": 60})

    def _visit(self, case: Case) -> list[str]:
        """The page's API, as programs use it."""
        from gradio_client import handle_file
        from gradio_client.exceptions import AppError

        fields = dict(case.arguments)
        video, refused = None, None
        with _Captured(case.folder) as said:
            try:
                for name in ("portrait", "sound"):
                    fields[name] = handle_file(fields[name])
                video, _ = self.client.predict(**fields, api_name="/generate")
            except AppError as error:
                refused = str(error)
            except (OSError, ValueError) as error:  # of the client, before anything is sent
                refused = f"client: {error}"
        _, err = said.texts()
        self.refused = refused
        faults = judge_words(0, "", err)
        if refused is not None:
            if not refused.startswith((*(f"{name}: " for name in PAGE_FIELDS), "client: ")) and not faults:
                faults.append(f"unclear: the page says {refused[:200]!r}")
            if str(self.work) in refused.replace("client: ", ""):
                faults.append(f"unclear: the page names a folder of the server: {refused[:200]!r}")
        else:
            path = Path(video["video"] if isinstance(video, dict) and "video" in video else _path(video))
            import av

            with av.open(str(path)) as container:
                frames = sum(1 for packet in container.demux(video=0) if packet.size)
            faults += judge_video(path, frames, sound=True)
        return faults


def _path(video) -> str:
    return video["path"] if isinstance(video, dict) else str(video)


class _Captured:
    """The process's standard streams, its native code's too, in files of a folder."""

    def __init__(self, folder: Path):
        self.paths = [folder / "said" / "stdout", folder / "said" / "stderr"]
        self.paths[0].parent.mkdir()

    def __enter__(self) -> "_Captured":
        sys.stdout.flush(), sys.stderr.flush()
        self._saved = [os.dup(number) for number in (1, 2)]
        for number, path in zip((1, 2), self.paths, strict=True):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, number)
            os.close(file)
        return self

    def __exit__(self, *exception: object) -> None:
        sys.stdout.flush(), sys.stderr.flush()
        for number, saved in zip((1, 2), self._saved, strict=True):
            os.dup2(saved, number)
            os.close(saved)

    def texts(self) -> list[str]:
        return [path.read_text(encoding="utf-8", errors="replace") for path in self.paths]


def main() -> None:
    work, seed, shared = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w")  # standard output belongs to the cases
    os.dup2(2, 1)
    worker = Worker(work, seed, shared)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        with suppress(OSError):
            os.open(f"/canary-free/case-{asked['number']}", os.O_RDONLY)  # a mark for those who trace the process
        try:
            answer = worker.do(asked["number"], asked["pointer"])
        except Exception:
            answer = {"faults": [f"the fuzzer itself: {traceback.format_exc()}"], "target": "?", "notes": []}
        print(json.dumps({"number": asked["number"], **answer}), file=answers, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
