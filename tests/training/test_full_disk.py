"""A disk that is full, or takes no files: one line, no half folders, and the same command goes on afterwards."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from run_log import losses
from safetensors import SafetensorError
from safetensors.torch import save_file
from toy import ToyStage, toy_config

from emo.errors import OutputError
from emo.training.folders import NEW, OLD, put_in_place, whole_folder, writing
from emo.training.loop import make_accelerator, train
from emo.training.state import together

try:
    import resource
except ImportError:  # Windows
    resource = None

KB = 1024


class WideStage(ToyStage):
    """As `ToyStage`, with enough weights to fill a small disk: a checkpoint of 1.2 MB, a model of 400 kB."""

    def __init__(self, saves: bool = True):
        super().__init__()
        torch.manual_seed(0)
        self.networks = torch.nn.Sequential(torch.nn.Linear(3, 14_000), torch.nn.Tanh(), torch.nn.Linear(14_000, 3))
        self.saves = saves

    def save(self, folder, weights):
        if self.saves:
            save_file(weights, folder / "toy.safetensors")


def run(config, resume=None, stage=None) -> int:
    return train(stage or WideStage(), config, make_accelerator(config), resume)


def halves(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith((NEW, OLD, ".tmp", "saving"))]


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """As far as writers can tell, a full disk: no file grows beyond this many bytes."""
    if resource is None:
        pytest.skip("files cannot be kept short here")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 3 MB."""
    if sys.platform != "linux" or not shutil.which("mount"):
        pytest.skip("small disks are Linux's")
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", tmp_path], capture_output=True)
    if mount.returncode:
        pytest.skip("cannot mount a small disk here")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("limit", [100, 50 * KB, 500 * KB])  # of the weights, of nothing else, of the optimizer
def test_no_room_for_a_checkpoint(tmp_path, limit):
    config = toy_config(tmp_path / "run", 4, save_every=2, stop_after_seconds=1e-9)
    for _ in range(2):
        run(config, "latest")
    config.stop_after_seconds = None
    # log.jsonl is read and written anew at the start, and is longer than a hundred bytes by then
    with files_no_longer_than(max(limit, 10 * KB)), pytest.raises(OutputError) as caught:
        run(config, "latest")
    assert str(caught.value).startswith(f"{tmp_path / 'run' / 'checkpoints' / 'step-00000004'} cannot be written (")
    assert "--resume latest" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert halves(tmp_path) == []
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())[-1] == "step-00000002"
    assert run(config, "latest") == 0
    run(toy_config(tmp_path / "straight", 4))
    assert losses(tmp_path / "run") == losses(tmp_path / "straight")


@pytest.mark.parametrize("filled", [0, 700 * KB, 1300 * KB, 1650 * KB])
def test_a_disk_that_is_full_for_real(small_disk, filled):
    """Of several sizes, so that it ends in different files."""
    output, config = small_disk / "run", toy_config(small_disk / "run", 6, save_every=2, tensorboard=True)
    (small_disk / "ballast").write_bytes(bytes(filled))
    with pytest.raises(OutputError, match=r"run.* cannot be written \(No space left on device\); .*--resume latest$"):
        run(config)
    assert halves(output) == []
    saved = sorted(path.name for path in (output / "checkpoints").iterdir())
    subprocess.run(["mount", "-o", "remount,size=30m", small_disk], check=True)
    stage = WideStage()
    assert run(config, "latest", stage) == 0
    assert stage.seen[:1] == ([2 * int(saved[-1][-1])] if saved else [0])
    assert [len(losses(output)), halves(output)] == [6, []]


def test_a_disk_that_is_full_before_the_start(small_disk):
    ballast = (small_disk / "ballast").open("wb", buffering=0)
    while ballast.write(bytes(4 * KB)) == 4 * KB and os.statvfs(small_disk).f_bavail:
        pass
    ballast.close()
    with pytest.raises(OutputError, match=r"run.* cannot be written \(No space left on device\)"):
        run(toy_config(small_disk / "run", 2))


def test_a_disk_that_may_only_be_read(small_disk):
    config = toy_config(small_disk / "run", 2)
    run(config, stage=ToyStage())
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(OutputError, match=r"run.*cannot be written (to )?\(Read-only file system\)"):
        run(toy_config(small_disk / "run", 4), "latest", ToyStage())
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert run(toy_config(small_disk / "run", 4), "latest", ToyStage()) == 0


@pytest.mark.parametrize("place", ["model", "validation/step-00000002", "config.yaml", "log.jsonl"])
def test_what_cannot_be_written_is_named(tmp_path, monkeypatch, place):
    """A folder stands where a file must go, or the disk is full just then."""

    class Full(ToyStage):
        def validate(self, networks, folder):
            if "validation" in place:
                raise OSError(errno.ENOSPC, "No space left on device", str(folder / "x"))
            return {}

        def save(self, folder, weights):
            if place == "model":
                raise OSError(errno.EDQUOT, "Disk quota exceeded", str(folder / "x"))
            super().save(folder, weights)

    if "." in place:
        (tmp_path / place / "x").mkdir(parents=True)
    with pytest.raises(OutputError, match=rf"{place}.* cannot be written \("):
        run(toy_config(tmp_path, 2, validate_every=2), stage=Full())
    assert halves(tmp_path) == []


def test_an_export_that_fails_leaves_the_one_before(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").write_text("whole")
    with files_no_longer_than(KB), pytest.raises(OutputError), whole_folder(tmp_path / "model") as folder:
        save_file({"x": torch.zeros(1000)}, folder / "x.safetensors")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "old"]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: out of memory"),
        ValueError("x"),
        OSError("no such model"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "ffmpeg"),
        PermissionError(errno.EACCES, "Permission denied", "/portraits/a.png"),
        SafetensorError("Error while deserializing: I/O error: No such file or directory (os error 2)"),
    ],
)
def test_errors_of_another_kind_stay_what_they_are(tmp_path, error):
    with pytest.raises(type(error)) as caught, writing(tmp_path):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (errno.EACCES, None),
        (errno.EACCES, "folder/x"),
        (errno.EISDIR, "folder.emo-new/x"),
        (errno.ENOSPC, "elsewhere"),
    ],
)
def test_what_is_refused_in_the_place_is_its_disks_doing(tmp_path, monkeypatch, number, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=r"folder cannot be written \("), writing(Path("folder")):
        raise OSError(number, os.strerror(number), name)


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EIO])
def test_the_disk_has_all_of_it_before_it_gets_its_name(tmp_path, monkeypatch, reason):
    """Delayed allocation tells of a full disk as late as this."""

    def refuse(descriptor):
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError, match=os.strerror(reason)):
        run(toy_config(tmp_path, 2), stage=ToyStage())
    assert [*(tmp_path / "checkpoints").iterdir(), *halves(tmp_path)] == []


@pytest.mark.skipif(sys.platform != "linux", reason="names of open files are asked for as Linux tells them")
def test_files_reach_the_disk_before_the_rename(tmp_path, monkeypatch):
    order, fsync, replace = [], os.fsync, os.replace
    name = lambda descriptor: os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
    (tmp_path / "a.emo-new").mkdir()
    (tmp_path / "a.emo-new" / "file").write_text("x")
    monkeypatch.setattr(os, "fsync", lambda fd: order.append(name(fd)) or fsync(fd))
    monkeypatch.setattr(os, "replace", lambda old, new: order.append("rename") or replace(old, new))
    put_in_place(tmp_path / "a.emo-new", tmp_path / "a")
    assert order == ["file", "a.emo-new", "rename", tmp_path.name]


def test_one_process_that_cannot_write_ends_all(monkeypatch):
    monkeypatch.setattr("emo.training.state.gather_object", lambda own: [*own, True])
    with pytest.raises(SystemExit) as caught, together(SimpleNamespace(num_processes=2)):
        pass
    assert caught.value.code == 2
    with pytest.raises(OutputError, match="full"), together(SimpleNamespace(num_processes=2)):
        raise OutputError("full")
    with together(SimpleNamespace(num_processes=1)):
        pass
