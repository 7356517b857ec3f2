"""`emo generate --batch`: many videos of one loaded model, bad lines, failures, going on, and several processes."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from emo.cli import batch_ray, generate
from emo.cpu import has_bfloat16
from emo.errors import WeightsError
from emo.generation import ResumePoint
from emo.generation.write import resume_path

QUICK = {"steps": 1, "audio-guidance": 1}


@pytest.fixture
def jobs(tmp_path, image, sound):
    """`jobs({...}, ...)`: a file of jobs, each with the test's portrait and recording, and an output of its number."""

    def write(*options: dict):
        path = tmp_path / "jobs.jsonl"
        lines = []
        for number, more in enumerate(options, 1):
            output = str(tmp_path / f"{number}.mp4")
            lines.append(json.dumps({"portrait": str(image), "audio": str(sound), "output": output, **QUICK, **more}))
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def batch(command, model):
    """`batch(path, *options)` -> exit status, output, errors."""
    return lambda path, *options: command("generate", "--batch", path, "--model", model, *options)


@pytest.fixture
def loads(monkeypatch):
    """How often a model has been loaded."""
    counted = []
    load = generate.load_pipeline
    monkeypatch.setattr(generate, "load_pipeline", lambda *args: counted.append(1) or load(*args))
    return counted


def summary(out: str) -> str:
    return re.sub(r"^.*/", "", out.strip().splitlines()[-1])


def test_a_batch_makes_what_commands_make_and_loads_once(emo, batch, jobs, tmp_path, loads):
    path = jobs({"seed": 3}, {"steps": 2, "face-region": [150, 40, 330, 260]}, {"paste-back": True, "speed": None})
    status, out, err = batch(path, "--noise-mirroring", 0.5)
    assert status == 0, err
    assert len(loads) == 1
    assert re.fullmatch(r"jobs.jsonl: 3 made, 0 finished before, 0 failed; took [\d.]+ s", summary(out))
    commands = [("--seed", 3), ("--steps", 2, "--face-region", "150,40,330,260"), ("--paste-back",)]
    for number, options in enumerate(commands, 1):
        assert emo(*options, "--noise-mirroring", 0.5)[0] == 0
        assert (tmp_path / f"{number}.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes(), options


def test_what_is_finished_is_left_and_what_is_made_otherwise_is_made(batch, jobs, tmp_path, loads):
    def times():
        return [(tmp_path / f"{number}.mp4").stat().st_mtime_ns for number in (1, 2, 3, 4)]

    assert batch(jobs({}, {"seed": 1}, {}, {}))[0] == 0
    before = times()
    status, out, _ = batch(jobs({}, {"seed": 1}, {}, {}))
    assert (status, len(loads)) == (0, 1)
    assert "0 made, 4 finished before" in summary(out)
    (tmp_path / "3.mp4").write_bytes(b"no video")
    status, out, _ = batch(jobs({}, {"seed": 2}, {}, {"noise-mirroring": 0.5}))
    assert "3 made, 1 finished before" in summary(out)
    assert [old == new for old, new in zip(before, times(), strict=True)] == [True, False, False, False]
    status, out, _ = batch(jobs({}), "--dtype", "float32" if has_bfloat16() else "bfloat16")  # not what auto takes
    assert "1 made, 0 finished before" in summary(out)
    status, out, _ = batch(jobs({}), "--restart")
    assert "1 made, 0 finished before" in summary(out)


def test_an_interrupted_batch_goes_on(emo, batch, jobs, tmp_path, monkeypatch):
    assert emo("--seed", 4)[0] == 0
    path = jobs({}, {"seed": 4}, {})
    save = ResumePoint.save

    def stop(self, at):
        save(self, at)
        if self.state.next_clip == 2 and at == resume_path(tmp_path / "2.mp4"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ResumePoint, "save", stop)
        status, _, err = batch(path)
    assert status == 130
    assert err.splitlines()[-2:] == [f"emo: {path} is unfinished; the same command continues", "emo: stopped"]
    assert [(tmp_path / f"{number}.mp4").exists() for number in (1, 2, 3)] == [True, False, False]
    saved = []
    monkeypatch.setattr(ResumePoint, "save", lambda self, at: saved.append(self.state.next_clip) or save(self, at))
    status, out, err = batch(path)
    assert status == 0, err
    assert "2 made, 1 finished before" in summary(out)
    assert saved[0] == 3
    assert (tmp_path / "2.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()


def test_one_that_fails_does_not_stop_the_others(batch, jobs, tmp_path, monkeypatch):
    (tmp_path / "text.wav").write_text("no sound")
    path = jobs({"audio": str(tmp_path / "text.wav")}, {}, {"seed": 7}, {})
    write = generate.write

    def fail(stream, options, *rest):
        if options.seed == 7:
            raise MemoryError("all is full")
        write(stream, options, *rest)

    monkeypatch.setattr(generate, "write", fail)
    status, out, err = batch(path)
    assert status == 2
    assert re.search(rf"emo: {re.escape(str(path))}, line 1: .*text.wav", err)
    assert f"emo: {path}, line 3: MemoryError: all is full" in err
    assert err.splitlines()[-1] == f"emo: {path}: 2 of 4 failed, line 1, 3; mend and repeat"
    assert "2 made, 0 finished before, 2 failed" in summary(out)
    assert (tmp_path / "2.mp4").is_file()
    assert (tmp_path / "4.mp4").is_file()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"stpes": 3}, "stpes is no option of a job"),
        ({"steps": "many"}, "argument --steps: invalid"),
        ({"steps": 0}, "num_inference_steps is 0"),
        ({"steps": {"a": 1}}, "steps: give a number"),
        ({"model": "emo-tiny"}, "give --model to the command instead"),
        ({"device": "cpu"}, "give --device to the command instead"),
        ({"restart": True}, "give --restart to the command instead"),
        ({"like": "a.mp4"}, "like is no option of a job"),
        ({"gaze": "0,0"}, "--gaze is no option of this model"),
        ({"portrait": 3}, "portrait: not given"),
        ({"portrait": "none.png"}, "none.png does not exist"),
        ({"output": "a.gif"}, "a.gif"),
        ({"output": "OTHER"}, "is written by line 2 as well"),
        ({"output": "IMAGE"}, "one of the inputs"),
    ],
)
def test_bad_lines_are_named_before_anything_is_loaded(batch, jobs, tmp_path, image, loads, entry, message):
    names = {"OTHER": str(tmp_path / "1.mp4"), "IMAGE": str(image.rename(tmp_path / "portrait.mp4"))}
    entry = {key: names.get(value, value) if isinstance(value, str) else value for key, value in entry.items()}
    path = jobs({"portrait": names["IMAGE"]}, {"portrait": names["IMAGE"], **entry})
    path.write_text("\n" + path.read_text())
    status, out, err = batch(path)
    assert (status, out, loads) == (2, "", [])
    (line,) = err.splitlines()
    assert line.startswith(f"emo: {path}, line 3: ")
    assert message in line
    assert not list(tmp_path.glob("[0-9].mp4*"))


def test_all_bad_lines_are_named(batch, jobs, tmp_path):
    path = jobs({}, {"steps": "x"}, {})
    path.write_text(path.read_text() + "{not JSON\n[1]\n")
    status, _, err = batch(path)
    assert status == 2
    assert [line.split(":")[1] for line in err.splitlines()] == [f" {path}, line {number}" for number in (2, 4, 5)]


def test_a_model_that_cannot_be_loaded_ends_the_batch(batch, jobs, model, tmp_path):
    shutil.copytree(model, tmp_path / "model")
    (weights,) = (tmp_path / "model" / "unet").glob("*.safetensors")
    weights.unlink()
    status, out, err = batch(jobs({}, {}), "--model", tmp_path / "model")
    assert (status, out) == (2, "")
    assert [line for line in err.splitlines() if ", line " in line] == []


@pytest.mark.parametrize("content", [b"", b"\n\n", None, b"\xff\xfe\x00"])
def test_a_file_without_jobs_is_refused(batch, tmp_path, content):
    path = tmp_path / "jobs.jsonl"
    if content is not None:
        path.write_bytes(content)
    status, out, err = batch(path)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert str(path) in err


def test_files_of_one_video_do_not_go_with_a_batch(command, jobs, image, sound, tmp_path):
    path = jobs({})
    assert command("generate", "--batch", path, "-o", tmp_path / "out.mp4")[0] == 2
    assert command("generate", image, sound, "--batch", path)[0] == 2
    status, _, err = command("generate", image, sound, "-o", tmp_path / "out.mp4", "--ray", "local")
    assert (status, "--batch" in err) == (2, True)
    status, _, err = command("generate", image)
    assert (status, err.startswith("emo: audio, output: not given")) == (2, True)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="gloo as on POSIX")
def test_two_processes_share_the_jobs(batch, jobs, model, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    assert batch(jobs({}))[0] == 0
    path = jobs({}, {}, {"audio": str(tmp_path / "text.wav")}, {}, {"seed": 1})
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
    ]
    command = [*launch, "--main_process_port", "0", "-m", "emo", "generate", "--batch", path, "--model", model]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
    assert result.returncode != 0
    lines = [line for line in result.stdout.splitlines() if line.startswith(str(path))]
    assert len(lines) == 1, result.stdout + result.stderr
    assert "3 made, 1 finished before, 1 failed" in lines[0]
    assert f"emo: {path}: 1 of 5 failed, line 3; mend and repeat" in result.stderr
    assert len([line for line in result.stdout.splitlines() if ".mp4: " in line]) == 3
    assert all((tmp_path / f"{number}.mp4").is_file() for number in (1, 2, 4, 5))


@pytest.mark.slow
def test_a_ray_cluster_makes_the_jobs(batch, jobs, tmp_path, emo):
    pytest.importorskip("ray")
    assert emo("--seed", 5)[0] == 0
    (tmp_path / "text.wav").write_text("no sound")
    path = jobs({"seed": 5}, {"audio": str(tmp_path / "text.wav")}, {})
    status, out, err = batch(path, "--ray", "local")
    assert status == 2
    assert "2 made, 0 finished before, 1 failed" in summary(out), err
    assert f"{path}, line 2: " in err
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()
    assert (tmp_path / "3.mp4").is_file()


def test_ray_is_asked_for_by_name(batch, jobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    status, _, err = batch(jobs({}), "--ray", "local")
    assert (status, "emo[ray]" in err) == (2, True)


def test_a_worker_that_dies_costs_one_job_and_another_takes_its_place(monkeypatch):
    class Died(Exception):
        pass

    class Failed(Exception):
        cause = WeightsError("no weights")

    started = []

    class Actor:
        def __init__(self, alone):
            started.append(alone)
            self.make = type("Method", (), {"remote": staticmethod(lambda job: job)})

    class Ray:
        exceptions = type("exceptions", (), {"RayActorError": Died, "RayTaskError": Failed})
        init = staticmethod(lambda **options: None)
        shutdown = staticmethod(lambda: None)
        cluster_resources = staticmethod(lambda: {"GPU": 2.0})
        nodes = staticmethod(lambda: [])
        wait = staticmethod(lambda jobs: (jobs[:1], jobs[1:]))

        @staticmethod
        def remote(**one):
            assert one == {"num_gpus": 1}
            return lambda cls: type("Remote", (), {"remote": Actor})

        @staticmethod
        def get(job):
            if job == "b":
                raise Died
            if job == "unloadable":
                raise Failed
            return "its own fault" if job == "c" else ""

    monkeypatch.setitem(sys.modules, "ray", Ray)
    outcomes = dict(batch_ray.make_on_ray(list("abcde"), "auto"))
    assert outcomes == {"a": "", "b": batch_ray.DIED, "c": "its own fault", "d": "", "e": ""}
    assert started == [False] * 3
    with pytest.raises(WeightsError, match="no weights"):
        list(batch_ray.make_on_ray(["unloadable"], "auto"))
