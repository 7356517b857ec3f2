"""Stages in processes of their own: killed and resumed, stopped, two at once, and with mistakes."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import stage1_image
import torch
from random_clips import RandomClips
from run_log import losses
from safetensors.torch import load_file

from emo.training.emo.stage import EMOStage
from emo.training.script import run

try:
    import resource
except ImportError:  # Windows
    resource = None

SCRIPT = str(Path(__file__).with_name("run_stage.py"))
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}


TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


def arguments(init: Path, output: Path, *more: str) -> list[str]:
    return [
        "data.root=unused",
        "data.workers=0",
        f"model.init={init}",
        f"train.output={output}",
        "train.log_every=1",
        "train.tensorboard=false",
        "train.optimizer.learning_rate=1e-3",
        *more,
    ]


def start(stage: str, *args: str, launcher: tuple[str, ...] = (), session: bool = False) -> subprocess.Popen:
    command = [sys.executable, *launcher, SCRIPT, stage, *args]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=ENVIRONMENT, start_new_session=session, **streams)


def finish(process: subprocess.Popen, *, status: int = 0) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == status, output
    return output


def weights(output: Path) -> dict[str, torch.Tensor]:
    files = sorted((output / "model").glob("*/*.safetensors"))
    return {f"{file.parent.name}.{key}": value for file in files for key, value in load_file(file).items()}


def wait_for(path: Path, process: subprocess.Popen) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


@pytest.fixture
def run_here(monkeypatch):
    """`run_here(stage, *arguments)`: a stage's script in this process."""

    def run_script(stage: str, *args: str) -> None:
        monkeypatch.setattr(sys, "argv", [stage, *args])
        monkeypatch.setattr(EMOStage, "dataset", lambda self: RandomClips(self.video))
        assert importlib.import_module(stage).main() == 0

    return run_script


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["stage1_image", "stage2_video"])
def test_killed_and_resumed_equals_straight_through(stage, init, tmp_path, run_here):
    options = ("train.steps=20", "train.save_every=10", "train.ema_decay=0.9", "train.optimizer.schedule=cosine")
    killed = start(stage, *arguments(init, tmp_path / "killed", *options))
    run_here(stage, *arguments(init, tmp_path / "straight", *options))
    wait_for(tmp_path / "killed" / "checkpoints" / "step-00000010", killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "killed" / "model").exists()
    finish(start(stage, *arguments(init, tmp_path / "killed", *options), "--resume", "latest"))
    assert len(losses(tmp_path / "straight")) == 20
    assert losses(tmp_path / "killed") == losses(tmp_path / "straight")
    expected, found = weights(tmp_path / "straight"), weights(tmp_path / "killed")
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []


def test_sigterm_to_all_processes_saves_before_leaving(init, tmp_path):
    process = start("stage1_image", *arguments(init, tmp_path, "train.steps=100000", "data.workers=1"), session=True)
    wait_for(tmp_path / "log.jsonl", process)
    while not (tmp_path / "log.jsonl").read_text():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGTERM)  # the loader's worker hears it too
    output = finish(process, status=128 + signal.SIGTERM)
    (checkpoint,) = (tmp_path / "checkpoints").iterdir()
    step = int(checkpoint.name.removeprefix("step-"))
    assert step == len(losses(tmp_path))
    assert f"stopped at step {step}; go on with --resume latest" in output


def test_workers_do_not_keep_a_broken_process_alive():
    program = (
        "from emo.training.signals import leave_signals_alone\n"
        "from torch.utils.data import DataLoader\n"
        "batches = iter(DataLoader(range(1000), num_workers=1, worker_init_fn=leave_signals_alone))\n"
        "next(batches)\n"
        "raise RuntimeError('broken')\n"
    )
    environment = {**ENVIRONMENT, "PYTHONPATH": str(Path(SCRIPT).parents[2] / "train")}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr.decode().strip().endswith("RuntimeError: broken")


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["stage1_image", "stage2_video"])
def test_two_processes_equal_one_with_twice_the_batch(stage, init, tmp_path, run_here):
    two = start(
        stage,
        *arguments(init, tmp_path / "two", "train.steps=5", "data.batch_size=2"),
        launcher=TWO,
    )
    run_here(stage, *arguments(init, tmp_path / "one", "train.steps=5", "data.batch_size=4"))
    output, _ = two.communicate(timeout=300)  # gloo sometimes aborts at exit, when all is done: what is written counts
    assert (tmp_path / "two" / "model").is_dir(), output
    assert json.loads((tmp_path / "two" / "log.jsonl").read_text().splitlines()[0])["processes"] == 2
    assert len(losses(tmp_path / "two")) == 5
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(resource is None, reason="files cannot be kept short here")
def test_two_processes_end_where_one_cannot_write(init, tmp_path):
    two = subprocess.Popen(
        [sys.executable, *TWO, SCRIPT, "stage1_image", *arguments(init, tmp_path / "two", "train.steps=4")],
        env=ENVIRONMENT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output, _ = two.communicate(timeout=300)
    assert two.returncode != 0
    (line,) = [line for line in output.splitlines() if line.startswith("train: ")]
    assert "step-00000004 cannot be written (" in line
    assert list((tmp_path / "two" / "checkpoints").iterdir()) == []


@pytest.mark.slow
def test_killed_at_random_moments_nothing_finished_is_lost(tmp_path):
    program = [sys.executable, str(Path(SCRIPT).with_name("kill_training.py")), "0", "20", str(tmp_path / "killed")]
    result = subprocess.run(program, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert "20 kills" in result.stdout


def test_a_mistake_is_one_line_and_status_2(init, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["stage1", *arguments(init, tmp_path, "train.steps=2", "drop.audio=0.5")])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # which `run` replaces
    assert run(stage1_image.main) == 2
    assert capsys.readouterr().err == "train: the command line: drop.audio: Key 'audio' not in 'DropConfig'\n"
