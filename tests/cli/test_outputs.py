"""Outputs and names on the command line: who writes what, where links lead, and what no file is."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from cli_files import frames_of, write_wav
from made_clips import made_dataset
from made_videos import SMALL_OPTIONS, background, pasted, talker, write_video

from emo.locks import claim, claim_folder
from emo.media import VideoWriter

SMALL = ("--workers", 1, *SMALL_OPTIONS)
LONG = "a" * 300


@contextmanager
def held(how, path):
    """Somebody else is writing `path`."""
    has, ended = threading.Event(), threading.Event()

    def hold():
        with how(path):
            has.set()
            ended.wait()

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert has.wait(10)
    try:
        yield
    finally:
        ended.set()
        thread.join()


def refusal(ran) -> str:
    """The one line of a refusal."""
    status, out, err = ran
    assert (status, out) == (2, ""), err
    assert len(err.splitlines()) == 1, err
    assert err.startswith("emo: ")
    return err


@pytest.mark.parametrize(
    ("how", "output", "arguments"),
    [
        (claim, "o.mp4", ["generate", "IMAGE", "SOUND", "-o", "OUT"]),
        (claim, "o.mp4", ["generate", "IMAGE", "SOUND", "-o", "OUT", "--resume"]),
        (claim_folder, "o", ["prepare", "VIDEO", "--out", "OUT"]),
        (claim_folder, "o", ["synthesize", "--out", "OUT"]),
        (claim_folder, "o", ["init", "--out", "OUT"]),
        (claim_folder, "o", ["evaluate", "--generated", "VIDEO", "--reference", "VIDEO", "--out", "OUT"]),
        (claim_folder, "o", ["evaluate", "mechanisms", "--out", "OUT"]),
        (claim_folder, "o", ["evaluate", "lips", "--real", "VIDEO", "--out", "OUT"]),
        (claim, "o.html", ["inspect", "DATASET", "--out", "OUT"]),
        (claim_folder, "o", ["pull", "org/name", "--out", "OUT"]),
    ],
)
def test_the_second_run_is_told_who_has_the_output(command, tmp_path, image, sound, how, output, arguments):
    (tmp_path / "v.mp4").write_bytes(b"video")
    (tmp_path / "dataset").mkdir()
    given = {"IMAGE": image, "SOUND": sound, "VIDEO": tmp_path / "v.mp4", "DATASET": tmp_path / "dataset"}
    with held(how, tmp_path / output):
        before = sorted(tmp_path.rglob("*"))
        line = refusal(command(*(given.get(a, tmp_path / output if a == "OUT" else a) for a in arguments)))
        assert f"{output} is being written by this very process ({os.getpid()}) since" in line
        assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_a_process_that_comes_second_is_told_and_leaves_no_trace(model, image, tmp_path):
    """Whose lock it is, is another process's: this one's."""
    sound, output = write_wav(tmp_path / "sound.wav", 0.4), tmp_path / "o.mp4"
    options = [image, sound, "-o", output, "--model", model, "--steps", 1, "--audio-guidance", 1]
    command = [sys.executable, "-m", "emo", "generate", *map(str, options)]
    with claim(output):
        refused = subprocess.run(command, capture_output=True, text=True)
        assert sorted(path.name for path in tmp_path.glob("*o.mp4*")) == [".o.mp4.lock"]
    assert refused.returncode == 2
    assert f"o.mp4 is being written by process {os.getpid()} since" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert sorted(path.name for path in tmp_path.glob("*o.mp4*")) == ["o.mp4"]


def test_two_writers_of_one_video_in_one_process(tmp_path):
    from emo.errors import OutputError

    frames = np.zeros((2, 16, 16, 3), np.uint8)
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        with pytest.raises(OutputError, match="is being written by this very process"):
            VideoWriter(tmp_path / "a.mp4", 25)
        writer.write(frames)
        writer.finish()
        VideoWriter(tmp_path / "a.mp4", 25).discard()  # finished is finished
    forgotten = VideoWriter(tmp_path / "a.mp4", 25)
    del forgotten
    VideoWriter(tmp_path / "a.mp4", 25).discard()
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_prepare_again_gives_the_same(command, tmp_path, monkeypatch):
    (tmp_path / "videos").mkdir()
    monkeypatch.chdir(tmp_path / "videos")
    write_video(Path("talk.mp4"), pasted(talker()[0]), talker()[1])
    Path("notes.txt").touch()
    status, out, err = command("prepare", ".", "--out", "people", *SMALL)
    assert (status, "1 clips" in out, "from 1 of 1 videos" in out) == (0, True, True), err
    files = lambda: {path: path.read_bytes() for path in Path("people").rglob("*") if path.is_file()}
    before = files()
    for places in (["."], [*Path().glob("*.mp4"), *Path().glob("people/*/*.mp4")]):
        status, again, err = command("prepare", *places, "--out", "people", *SMALL)
        assert (status, again) == (0, out), err
        assert files() == before
        assert "left out: " in err.splitlines()[-1]
        assert "people" in err.splitlines()[-1]
    assert "people lies in --out people" in refusal(command("prepare", "people", "--out", "people", *SMALL))


ODD = (os.fsdecode(b"caf\xe9"), "two\nlines\x1b[31m")


def test_prepare_and_inspect_show_any_name(command, tmp_path):
    for name in ODD:
        (tmp_path / name).mkdir()
        write_video(tmp_path / name / f"{name}.mp4", pasted(talker()[0]), talker()[1])
    (tmp_path / ODD[0] / f"{ODD[0]}2.mp4").write_bytes(b"broken")
    out = tmp_path / f"{ODD[0]} made"
    status, shown, err = command("prepare", *(tmp_path / name for name in ODD), "--out", out, *SMALL)
    assert (status, "Traceback" in err) == (0, False), err
    assert r"caf\xe9 made: 1 clips" in shown
    report = json.loads((out / "report.json").read_text("utf-8"))
    names = [row["file"].removeprefix(f"{tmp_path}/") for row in report["inputs"]]
    assert names == [r"caf\xe9/caf\xe9.mp4", r"caf\xe9/caf\xe92.mp4", r"two\nlines\x1b[31m/two\nlines\x1b[31m.mp4"]
    (row,) = map(json.loads, (out / "train" / "metadata.jsonl").read_text("utf-8").splitlines())
    assert row["origin"].startswith(r"caf\xe9.mp4, 0.00 to")
    status, shown, err = command("inspect", out)
    assert status == 0, err
    assert r"caf\xe9 made</h1>" in (out / "inspect.html").read_text("utf-8")


def test_evaluate_shows_any_name(command, tmp_path):
    (tmp_path / "videos").mkdir()
    for name in ODD:
        write_video(tmp_path / "videos" / f"{name}.mp4", np.repeat(background()[None], 5, 0))
    (tmp_path / "videos" / f"{ODD[0]}2.mp4").write_bytes(b"broken")
    options = ("--metrics", "psnr", "--no-fetch", "--workers", 1, "--out", tmp_path / ODD[0])
    status, _, err = command(
        "evaluate", "--generated", tmp_path / "videos", "--reference", tmp_path / "videos", *options
    )
    assert (status, "Traceback" in err) == (0, False), err
    report = json.loads((tmp_path / ODD[0] / "report.json").read_text("utf-8"))
    assert [clip["name"] for clip in report["clips"]] == [r"caf\xe9", r"caf\xe92", r"two\nlines\x1b[31m"]
    assert [Path(path).name for path in report["unreadable"]] == [r"caf\xe92.mp4"]
    page = (tmp_path / ODD[0] / "report.html").read_text("utf-8")
    assert r"<td>caf\xe9</td>" in page


@pytest.mark.slow
@pytest.mark.parametrize(
    "locale", [{"PYTHONIOENCODING": "utf-8:strict"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_generate_shows_any_name_in_any_locale(model, image, sound, tmp_path, locale):
    picture, output = (os.fsencode(tmp_path) + name for name in (b"/p\xe9\n.png", b"/o\xe9\x1b.mp4"))
    shutil.copy(image, picture)
    quick = ["--model", str(model), "--steps", "1", "--audio-guidance", "1"]
    ran = subprocess.run(
        [sys.executable, "-m", "emo", "generate", picture, str(sound), "-o", output, *quick],
        env=os.environ | locale,
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(os.fsencode(tmp_path) + rb"/o\xe9\x1b.mp4: 10 frames")
    assert os.path.isfile(output)
    ran = subprocess.run(
        [sys.executable, "-m", "emo", "inspect", output], env=os.environ | locale, capture_output=True
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", LONG, "SOUND", "-o", "o.mp4"],
        ["generate", "IMAGE", LONG, "-o", "o.mp4"],
        ["generate", "IMAGE", "SOUND", "-o", f"{LONG}.mp4"],
        ["generate", "IMAGE", "SOUND", "-o", f"{'b' * 246}.mp4"],
        ["generate", "IMAGE", "SOUND", "-o", f"{'b' * 241}.mp4"],
        *(
            ["generate", "IMAGE", "SOUND", "-o", "o.mp4", *o, LONG]
            for o in (["--model"], ["--model", "MODEL", "--speed"], ["--model", "MODEL", "--face-region"], ["--like"])
        ),
        ["prepare", LONG, "--out", "o"],
        ["prepare", "SOUND", "--out", LONG],
        ["prepare", "SOUND", "--out", "o", "--config", LONG],
        ["evaluate", "--generated", "SOUND", "--reference", LONG, "--out", "o"],
        ["evaluate", "--generated", "SOUND", "--reference", "SOUND", "--out", LONG],
        ["evaluate", "--generated", "SOUND", "--reference", "SOUND", "--out", "o", "--cache", LONG],
        ["evaluate", "mechanisms", "--out", LONG],
        ["evaluate", "mechanisms", "--out", "o", "--portraits", LONG],
        ["evaluate", "lips", "--real", LONG, "--out", "o"],
        ["evaluate", "lips", "--real", "FOLDER", "--out", LONG],
        ["synthesize", "--out", LONG],
        ["synthesize", "--out", "o", "--speech", LONG],
        ["init", "--out", LONG],
        ["init", "--out", "o", "--config", LONG],
        ["cache", LONG, "--model", "MODEL"],
        ["inspect", LONG],
        ["inspect", "FOLDER", "--out", LONG],
        ["push", LONG, "org/name"],
        ["pull", "org/name", "--out", LONG],
    ],
)
def test_long_names_are_one_line_before_any_work(command, tmp_path, image, sound, model, arguments, monkeypatch):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    given = {"IMAGE": image, "SOUND": sound, "MODEL": model, "FOLDER": "folder"}
    before = sorted(tmp_path.rglob("*"))
    line = refusal(command(*(given.get(argument, argument) for argument in arguments)))
    assert "too long" in line
    assert any(name in line for name in ("a" * 300, "b" * 241))
    assert sorted(tmp_path.rglob("*")) == before


def test_the_longest_name_that_fits_works(emo, tmp_path):
    output = tmp_path / f"{'b' * 240}.mp4"
    assert emo(output=output)[0] == 0
    assert output.is_file()


@pytest.fixture
def without_rights(tmp_path):
    """Run the command as somebody whom permissions bind, in `tmp_path`."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if drop and (not shutil.which(drop[0]) or subprocess.run([*drop, "true"], capture_output=True).returncode):
        pytest.skip("root's rights cannot be dropped here")

    def run(*arguments) -> tuple[int, str, str]:
        command = [*drop, sys.executable, "-m", "emo", *map(str, arguments)]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        return ran.returncode, ran.stdout, ran.stderr

    yield run
    (tmp_path / "closed").chmod(0o755)


@pytest.mark.slow
def test_what_may_not_be_read_or_written_is_said(without_rights, tmp_path, image, sound):
    closed = tmp_path / "closed"
    closed.mkdir()
    for path in (image, sound):
        shutil.copy(path, closed)
        shutil.copy(path, tmp_path / f"noread{path.suffix}")
        (tmp_path / f"noread{path.suffix}").chmod(0)
    closed.chmod(0)
    refused = "may not be read (Permission denied)"
    for arguments, said in (
        (["generate", "closed/portrait.png", sound, "-o", "o.mp4"], f"closed/portrait.png {refused}"),
        (["generate", "noread.png", sound, "-o", "o.mp4"], f"noread.png {refused}"),
        (["generate", image, "noread.wav", "-o", "o.mp4"], f"noread.wav {refused}"),
        (["generate", image, sound, "-o", "closed/o.mp4"], f"cannot be written: closed/o.mp4 {refused}"),
        (["generate", image, sound, "-o", "o.mp4", "--model", "closed/m"], f"closed/m {refused}"),
        (["prepare", "closed", "--out", "o"], f"closed {refused}"),
        (["synthesize", "--out", "closed/o"], "closed/o cannot be written to (Permission denied)"),
        (["inspect", "closed"], f"closed {refused}"),
    ):
        assert said in refusal(without_rights(*arguments))
    assert not list(tmp_path.glob("o*"))


@pytest.mark.slow
def test_files_of_a_model_that_may_not_be_read_are_named(without_rights, tmp_path, image, sound, model):
    shutil.copytree(model, tmp_path / "closed")
    (tmp_path / "closed" / "vae" / "config.json").chmod(0)
    line = refusal(without_rights("generate", image, sound, "-o", "o.mp4", "--model", "closed"))
    assert "closed/vae/config.json may not be read (Permission denied)" in line


def test_what_the_system_says_of_a_file_is_one_line(command, monkeypatch, tmp_path):
    import emo.cli.doctor

    def fail(problem):
        def run(options):
            raise problem

        monkeypatch.setattr(emo.cli.doctor, "run", run)
        return command("doctor")

    for problem, said in (
        (OSError(5, "Input/output error", "/mnt/a.bin"), "/mnt/a.bin cannot be read or written (Input/output error)"),
        (OSError(28, "No space left on device"), "No space left on device; free space and repeat"),
    ):
        assert said in refusal(fail(problem))
    with pytest.raises(ConnectionResetError):
        fail(ConnectionResetError(104, "Connection reset by peer"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("-", "- stands for no file here"),
        ("https://example.org/a.png", "https://example.org/a.png is an address; a file is needed"),
        (f"s3://bucket/{LONG}", f"s3://bucket/{LONG} is an address"),
        ("pipe", "pipe is a pipe or a device; a file is needed"),
        (os.devnull, f"{os.devnull} is a pipe or a device"),
    ],
)
def test_what_is_no_file_is_told_that_a_file_is_needed(command, tmp_path, image, sound, name, said, monkeypatch):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes have names here")
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    for inputs in ((name, sound), (image, name)):
        assert said in refusal(command("generate", *inputs, "-o", "o.mp4"))
    assert said in refusal(command("inspect", name))
    assert said in refusal(command("prepare", name, "--out", "o"))
    assert said in refusal(command("evaluate", "--generated", name, "--reference", sound, "--out", "o"))
    Path("list.csv").write_text(f"generated\n{name}\n")
    if name != "pipe":
        assert "a file is needed" in refusal(
            command("evaluate", "--generated", "list.csv", "--reference", sound, "--out", "o")
        )


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_a_pipe_of_the_shell_is_told(model, sound, tmp_path):
    quoted = [shlex.quote(str(word)) for word in (sys.executable, sound, tmp_path / "none.mp4", model)]
    line = "{0} -m emo generate <(cat {1}) {1} -o {2} --model {3}".format(*quoted)
    ran = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (2, 1)
    assert "is a pipe or a device; a file is needed" in ran.stderr


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_written_through(emo, tmp_path, there):
    (tmp_path / "disk").mkdir()
    target, link = tmp_path / "disk" / "big.mp4", tmp_path / "o.mp4"
    link.symlink_to(Path("disk") / "big.mp4")
    if there:
        target.write_bytes(b"old")
    status, out, err = emo(output=link)
    assert status == 0, err
    assert f"{link}: 10 frames" in out
    assert link.is_symlink()
    assert len(frames_of(target)) == 10
    assert os.listdir(tmp_path / "disk") == ["big.mp4"]


def test_links_that_lead_nowhere(emo, tmp_path, sound):
    (tmp_path / "o.mp4").symlink_to(tmp_path / "o.mp4")
    assert "leads back to itself" in refusal(emo(output=tmp_path / "o.mp4"))
    (tmp_path / "p.mp4").symlink_to(tmp_path / "none" / "p.mp4")
    assert f"the folder {tmp_path / 'none'} does not exist" in refusal(emo(output=tmp_path / "p.mp4"))
    (tmp_path / "q.mp4").symlink_to(os.devnull)
    assert "is a pipe or a device" in refusal(emo(output=tmp_path / "q.mp4"))
    (tmp_path / "r.mp4").symlink_to(tmp_path / "r.txt")
    assert f"is a link to {tmp_path / 'r.txt'}" in refusal(emo(output=tmp_path / "r.mp4"))
    (tmp_path / "s.mp4").symlink_to(sound)
    sound.rename(tmp_path / "s.mov")
    (tmp_path / "s.mp4").unlink()
    (tmp_path / "s.mp4").symlink_to(tmp_path / "s.mov")
    assert "is one of the inputs" in refusal(emo(audio=tmp_path / "s.mov", output=tmp_path / "s.mp4"))
    assert Path(os.devnull).is_char_device()


def test_a_link_is_resumed_beside_its_target(emo, tmp_path, monkeypatch):
    from emo.generation.resume import ResumePoint

    (tmp_path / "disk").mkdir()
    (tmp_path / "o.mp4").symlink_to(tmp_path / "disk" / "o.mp4")
    save, calls = ResumePoint.save, []

    def stop(point, path):
        save(point, path)
        calls.append(path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ResumePoint, "save", stop)
        assert emo(output=tmp_path / "o.mp4")[0] == 130
    assert sorted(os.listdir(tmp_path / "disk")) == ["o.mp4.part", "o.mp4.resume"]
    assert "--resume" in refusal(emo(output=tmp_path / "o.mp4"))
    assert emo("--resume", output=tmp_path / "o.mp4")[0] == 0
    assert len(frames_of(tmp_path / "disk" / "o.mp4")) == 10
    assert os.listdir(tmp_path / "disk") == ["o.mp4"]


def test_reports_and_folders_are_written_through_links(command, tmp_path):
    dataset = tmp_path / "dataset"
    made_dataset(dataset, {})
    (tmp_path / "disk").mkdir()
    (tmp_path / "r.png").symlink_to(tmp_path / "disk" / "r.png")
    assert command("inspect", dataset, "--out", tmp_path / "r.png")[0] == 0
    assert (tmp_path / "r.png").is_symlink()
    assert (tmp_path / "disk" / "r.png").stat().st_size > 1000
    (tmp_path / "made").symlink_to(tmp_path / "disk" / "made")
    quick = ("--identities", 1, "--seconds", 0.2, "--fps", 10, "--size", 64, "--workers", 1, "--hours", 1e-9)
    status, _, err = command("synthesize", "--out", tmp_path / "made", *quick, "--no-compile")
    assert status == 0, err
    assert (tmp_path / "disk" / "made" / "synthesize.json").is_file()


def test_an_input_is_not_taken_for_the_unfinished_video(emo, tmp_path, sound):
    for ending in ("part", "resume"):
        path = Path(shutil.copy(sound, tmp_path / f"out.mp4.{ending}"))
        assert "until it is finished" in refusal(emo(audio=path))
        assert path.read_bytes() == sound.read_bytes()
