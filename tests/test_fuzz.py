"""A few bent files through all that takes files; and whether the fuzzer's own eyes see what they are for."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing.bases import Bases
from fuzzing.benders import ANY
from fuzzing.cases import make_case
from fuzzing.eyes import Hook, Listener, OpenedFiles
from fuzzing.formats import for_bytes
from fuzzing.judge import judge_folder, judge_video, judge_words
from fuzzing.pointers import TEXTS, Targets
from fuzzing.process import WorkerProcess, traced_faults
from made_videos import write_video

FUZZ = Path(__file__).with_name("fuzz.py")


@pytest.fixture(scope="module")
def bases(tmp_path_factory) -> Bases:
    return Bases(tmp_path_factory.mktemp("bases"))


def test_bent_files_do_no_harm(tmp_path):
    told = ["--cases", "12", "--seed", "6", "--workers", "1", "--traced", "0", "--keep", str(tmp_path / "kept")]
    result = subprocess.run([sys.executable, str(FUZZ), *told], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "12 cases: " in result.stdout


def test_cases_follow_from_seed_and_number(bases, tmp_path, monkeypatch):
    monkeypatch.setattr(Bases, "canaries", lambda self: [])
    for kind in ("sound", "video"):
        monkeypatch.setattr(Bases, kind, lambda self, name: self.picture("jpg"))
    seen = []
    for folder, number in (("a", 4), ("b", 4), ("c", 5)):
        case = make_case(3, number, tmp_path / folder, bases, 1, False)
        seen.append((case.target, case.notes, [(path.name, path.read_bytes()) for path in case.given]))
    assert seen[0] == seen[1] != seen[2]


def test_whatever_is_bent_stays_bytes(bases):
    files = [bases.picture(name).read_bytes() for name in ("png", "jpg", "gif", "bmp", "tiff", "webp")]
    files += [
        b"RIFF\4\0\0\0WAVE",
        b"RIFF",
        b"fLaC",
        b"OggS" * 9,
        b"\x1a\x45\xdf\xa3\xb5\x88",
        b"    ftyp",
        b"\xff\xfb",
    ]
    rng = random.Random(0)
    for data in (*files, b"x", b""):
        benders = ANY | for_bytes(data)
        assert len(benders) > len(ANY) or data in (b"", b"x")
        for name, bender in benders.items():
            for _ in range(5):
                assert isinstance(bender(data, rng), bytes), name
    assert for_bytes(files[0])["png_header"](files[0], rng) != files[0]


def test_every_pointer_names_a_canary(tmp_path):
    for name, (_, write) in TEXTS.items():
        assert "canary" in write(Targets(tmp_path, 9, random.Random(0)), "wav") or name == "vobsub"


def test_opened_files_are_seen_natively_and_listing_is_none(tmp_path):
    (tmp_path / "canary.txt").write_text("secret")
    with OpenedFiles() as opened:
        if not opened.sees:
            pytest.skip("no inotify here")
        opened.watch(tmp_path)
        list(tmp_path.iterdir()), (tmp_path / "canary.txt").is_file(), (tmp_path / "canary.txt").stat()
        assert opened.names() == set()
        subprocess.run(["cat", tmp_path / "canary.txt"], stdout=subprocess.DEVNULL, check=True)
        assert opened.names() == {"canary.txt"}


def test_what_python_opens_starts_and_calls_is_seen(tmp_path):
    hook = Hook(tmp_path, Path(__file__).parents[1])
    given, out = tmp_path / "in" / "a.png", tmp_path / "out"
    hook.start([given], [out])
    for path, flags in ((given, 0), (out / "o.mp4", 65), (Path(__file__), 0), (Path("/etc/hosts"), 0)):
        hook.event("open", (str(path), "r", flags))
    hook.event("subprocess.Popen", ("/usr/lib/ffmpeg-linux-v9", [], None, None))
    hook.event("socket.connect", (None, ("127.0.0.1", 80)))
    assert hook.seen == set()
    hook.event("open", (str(tmp_path / "in" / "canary.txt"), "r", 0))
    hook.event("open", (str(given), "w", 1))
    hook.event("subprocess.Popen", ("gs", ["gs"], None, None))
    hook.event("socket.connect", (None, ("10.0.0.1", 80)))
    hook.event("socket.getaddrinfo", ("example.org", 80))
    assert {what.split()[0] for what in hook.stop()} == {"read", "wrote", "started", "called", "looked"}


def test_calls_are_counted():
    import socket
    import time

    listener = Listener()
    socket.create_connection(("127.0.0.1", listener.port)).close()
    end = time.monotonic() + 5
    while not (calls := listener.calls()) and time.monotonic() < end:
        time.sleep(0.01)
    assert (calls, listener.calls()) == (1, 0)


def test_words():
    assert judge_words(0, "", "") == []
    assert judge_words(2, "", "a bar\rwith steps\nemo: a.png is damaged; save it again\n") == []
    assert judge_words(2, "", "usage: emo generate\nemo generate: error: -o\n") == []
    for status, err, kind in (
        (1, "Traceback (most recent call last):\n  …\nValueError: x", "traceback: ValueError: x"),
        (0, "Traceback (most recent call last):\n  …\nValueError: x", "traceback: ValueError: x"),
        (1, "killed", "status 1: killed"),
        (2, "emo: a\nb.png does not exist", "unclear"),
        (2, "emo: a\x1b[31m.png does not exist", "unclear"),
        (2, "", "unclear"),
    ):
        (fault,) = judge_words(status, "", err)
        assert fault.startswith(kind)


def test_half_files_are_seen(tmp_path):
    import numpy as np

    frames = np.zeros((10, 32, 32, 3), np.uint8)
    video = write_video(tmp_path / "out.mp4", frames, np.zeros(6400))
    said = f"{video}: 10 frames, 0.40 s of video"
    assert judge_folder("generate", 0, said, tmp_path) == []
    assert judge_folder("generate", 2, "", tmp_path) != []
    assert judge_video(video, 11, sound=True) == ["output: 10 frames for 11"]
    assert judge_video(video, 10, sound=False) != []
    (tmp_path / "out.mp4.part").touch()
    assert judge_folder("generate", 0, said, tmp_path) == ["half file: out.mp4.part"]
    video.write_bytes(video.read_bytes()[:-300])
    assert judge_video(video, 10, sound=True) != []
    silent = write_video(tmp_path / "silent.mp4", frames)
    assert judge_video(silent, 10, sound=True) == ["output: has tracks ['video']"]


def test_a_worker_that_hangs_or_dies_is_told(tmp_path, monkeypatch):
    program = (
        "import json, os, sys, time\n"
        "print('{\"ready\": true}', flush=True)\n"
        "for line in sys.stdin:\n"
        "    number = json.loads(line)['number']\n"
        "    number == 1 and os.abort()\n"
        "    number == 2 and time.sleep(99)\n"
        "    print(json.dumps({'faults': []}), flush=True)\n"
    )
    (tmp_path / "worker.py").write_text(program)
    monkeypatch.setattr("fuzzing.process.WORKER", tmp_path / "worker.py")
    worker = WorkerProcess(tmp_path / "work", 0, tmp_path, limit=1, memory=10**9)
    try:
        assert [worker.do(number, None)["faults"] for number in range(4)] == [
            [],
            ["crash: the process ended by SIGABRT"],
            ["hang: not done after 1 s"],
            [],
        ]
    finally:
        worker.close()


def test_strace_tells_of_canaries_and_other_machines(tmp_path):
    lines = (
        '7 openat(AT_FDCWD, "/x/in/canary.aac", O_RDONLY) = 3',
        '7 open("/canary-free/case-4", O_RDONLY) = -1',
        f'7 openat(AT_FDCWD, "{tmp_path}/canary.txt", O_RDONLY) = 3',
        '7 connect(4, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
        '7 open("/canary-free/case-5", O_RDONLY) = -1',
        '7 openat(AT_FDCWD, "/no/such/canary.aac", O_RDONLY) = -1 ENOENT',
        '7 connect(4, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("10.0.0.1")}, 16) = 0',
    )
    (tmp_path / "log").write_text("\n".join(lines))
    faults = traced_faults(tmp_path / "log", tmp_path)
    assert list(faults) == [5]
    assert {fault.split(":")[0] for fault in faults[5]} == {"foreign file", "call"}
