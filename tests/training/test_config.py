"""Configurations: defaults, file, command line, and what is said of mistakes."""

import errno
import multiprocessing
import signal
import sys
import threading
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from stage1_image import ImageConfig
from stage2_video import VideoConfig
from stage3_speed import SpeedConfig
from torch._utils import ExceptionWrapper

from emo.config import load_config
from emo.data import StepSampler
from emo.errors import ConfigError, DatasetError
from emo.training.config import LoopConfig
from emo.training.emo_distillation import DistillationConfig
from emo.training.loader import sample_loader
from emo.training.script import load_settings, run

ROOT = Path(__file__).parents[2]
SCHEMAS = {"stage1": ImageConfig, "stage2": VideoConfig, "stage3": SpeedConfig, "stage4": DistillationConfig}


@dataclass
class Schema:
    train: LoopConfig = field(default_factory=LoopConfig)
    rates: list[float] = field(default_factory=list)


GOOD = "train: {output: runs/x, steps: 10, optimizer: {learning_rate: 1e-5}}"


def load(tmp_path, text: str = GOOD, *arguments: str):
    path = tmp_path / "stage.yaml"
    path.write_text(text)
    return load_settings(Schema, ["--config", str(path), *arguments])


def test_command_line_over_file_over_defaults(tmp_path):
    config, resume = load(tmp_path, GOOD, "train.steps=20", "--resume", "latest", "rates=[1,2]")
    assert (config.train.output, config.train.steps, config.train.seed) == ("runs/x", 20, 0)
    assert (config.train.optimizer.learning_rate, config.rates, resume) == (1e-5, [1.0, 2.0], "latest")


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (GOOD, ["train.stpes=20"], "the command line: train.stpes"),
        (GOOD, ["trian.steps=20"], "the command line: trian"),
        (GOOD, ["train.steps=many"], "the command line: train.steps"),
        (GOOD, ["train.steps"], "'train.steps' is not of the form key=value"),
        (GOOD.replace("steps", "stpes"), [], "stage.yaml: train.stpes"),
        (GOOD.replace("1e-5", "fast"), [], "stage.yaml: train.optimizer.learning_rate"),
        ("train: {output: x}", [], "train.steps is not set"),
        ("train: [", [], "stage.yaml: the file"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, arguments, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text, *arguments)


def test_a_bare_no_is_a_precision(tmp_path):
    """YAML reads it as false."""
    assert load(tmp_path, GOOD, "train.mixed_precision=no").config.train.mixed_precision == "no"
    with_no = load(tmp_path, GOOD.replace("steps: 10", "steps: 10, mixed_precision: no"))
    assert with_no.config.train.mixed_precision == "no"


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        load_settings(Schema, ["--config", "nowhere.yaml"])


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs" / "train").glob("emo-*/stage*.yaml")), ids=lambda p: str(p)[-19:]
)
def test_the_configurations_that_come_with_the_project(path):
    config = load_config(SCHEMAS[path.stem], path, ["data.root=somewhere"])
    assert config.train.output == f"runs/{path.parent.name}/{path.stem}"
    assert (config.model.init or config.model.config).endswith(("/model", path.parent.name))
    if path.parent.name == "emo-sd15":  # 4.1, with the processes that the file speaks of
        processes = 8 if path.stem == "stage1" else 4
        assert config.data.batch_size * config.train.accumulation * processes == (48 if path.stem == "stage1" else 4)
        assert (config.train.optimizer.learning_rate, config.objective.mouth_weight) == (1e-5, 0)


class Damaged:
    """A dataset of which no sample can be read."""

    def __getitem__(self, number: int):
        raise DatasetError(f"clips/{number}\n.mp4: it is damaged; make it again")


@pytest.fixture
def workers_end():
    """They ignore signals, and torch would wait for them when it clears the loader away."""
    before = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for worker in multiprocessing.active_children():
        worker.kill()
        worker.join()
    signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_in_a_loaders_worker_is_the_same_line(workers, monkeypatch, capsys, workers_end):
    monkeypatch.setattr(sys, "argv", ["stage"])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # which `run` replaces
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    assert run(lambda: next(iter(sample_loader(Damaged(), list, StepSampler(1, start_step=7), workers)))) == 2
    assert capsys.readouterr().err == "train: clips/7\\n.mp4: it is damaged; make it again\n"


def test_the_traceback_of_a_loaders_worker_is_the_errors_cause():
    try:
        Damaged()[0]
    except DatasetError:
        wrapped = ExceptionWrapper(where="in DataLoader worker process 0")
    with pytest.raises(DatasetError, match=r"mp4: it is damaged; make it again$") as caught:
        wrapped.reraise()
    assert "in __getitem__" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("error", "silent"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.ECONNRESET, "reset"), False),
        (OSError("x"), False),
    ],
)
def test_threads_are_silent_about_a_full_disk_alone(error, silent, monkeypatch):
    def fail():
        raise error

    told = []
    monkeypatch.setattr(sys, "argv", ["stage"])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(threading, "__excepthook__", lambda failure: told.append(failure.exc_value))

    def main():
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()

    assert run(main) == 0
    assert told == ([] if silent else [error])
