"""What power cuts and full disks leave behind: it is named, and the way on is said."""

import errno
import json
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from run_log import log, losses
from safetensors.torch import load_file
from toy import ToyStage, toy_config

from emo.errors import ConfigError
from emo.training.loop import make_accelerator, train
from emo.training.manifest import MANIFEST, damage
from emo.training.resume import find_checkpoint

FILES = (
    *("model.safetensors", "optimizer.bin", "random_states_0.pkl"),
    *(f"custom_checkpoint_{i}.pkl" for i in range(3)),
    MANIFEST,
)


def run(config, resume=None, stage=None) -> int:
    return train(stage or ToyStage(), config, make_accelerator(config), resume)


def weights(output: Path) -> dict[str, torch.Tensor]:
    return load_file(output / "model" / "toy.safetensors")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def alter(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


DAMAGES = {"empty": lambda path: path.write_bytes(b""), "cut": cut, "altered": alter, "missing": Path.unlink}


@pytest.fixture
def trained(tmp_path) -> Path:
    """A run with the checkpoints of steps 2 and 4."""
    run(toy_config(tmp_path, 4, save_every=2, ema_decay=0.9))
    assert {path.name for path in (tmp_path / "checkpoints" / "step-00000004").iterdir()} == set(FILES)
    return tmp_path


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_named_and_the_whole_checkpoint_before_it(trained, kind):
    newest, before = (trained / "checkpoints" / f"step-0000000{step}" for step in (4, 2))
    for name in FILES:
        if (name, kind) == (MANIFEST, "missing"):
            continue  # as in checkpoints of earlier versions
        content = (newest / name).read_bytes()
        DAMAGES[kind](newest / name)
        with pytest.raises(ConfigError) as caught:
            run(toy_config(trained, 6, ema_decay=0.9), "latest")
        message = str(caught.value)
        assert message.startswith(f"--resume {newest}: the checkpoint is damaged ({name} "), message
        assert message.endswith(f"go on from the newest whole one with --resume {before}")
        assert len(message.splitlines()) == 1
        (newest / name).write_bytes(content)
    assert run(toy_config(trained, 6, ema_decay=0.9), "latest") == 0


@pytest.mark.parametrize("listed", [False, True])
def test_a_checkpoint_without_its_files_is_no_whole_one(trained, listed):
    newest = trained / "checkpoints" / "step-00000005"
    newest.mkdir()
    if listed:
        (newest / MANIFEST).write_text("{}")
    named = rf"{MANIFEST} lists no random_states_0\.pkl" if listed else r"model\.safetensors is missing"
    with pytest.raises(ConfigError, match=rf"damaged \({named}\); go on .* --resume .*step-00000004$"):
        run(toy_config(trained, 6, ema_decay=0.9), "latest")


def test_without_a_list_a_missing_file_is_named(trained):
    newest = trained / "checkpoints" / "step-00000004"
    (newest / MANIFEST).unlink()
    for name in ("model.safetensors", "optimizer.bin", "random_states_0.pkl", "custom_checkpoint_0.pkl"):
        content = (newest / name).read_bytes()
        (newest / name).unlink()
        assert damage(newest) == f"{name} is missing"
        (newest / name).write_bytes(content)
    for sharded in ("pytorch_model_fsdp_0", "pytorch_model"):  # have folders in place of two of them
        (newest / sharded).mkdir()
        for name in ("model.safetensors", "optimizer.bin"):
            (newest / name).unlink(missing_ok=True)
        assert damage(newest) is None
        (newest / sharded).rmdir()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("CUDA error: out of memory"),
        MemoryError(),
        OSError(errno.EIO, "Input/output error"),
    ],
)
def test_what_a_machine_lacks_is_no_misfit(trained, monkeypatch, error):
    def fail(self, folder):
        raise error

    monkeypatch.setattr("accelerate.Accelerator.load_state", fail)
    with pytest.raises(type(error)) as caught:
        run(toy_config(trained, 6, ema_decay=0.9), "latest")
    assert caught.value is error


def test_a_file_that_these_options_want_is_a_misfit(trained, monkeypatch):
    def fail(self, folder):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "scaler.pt")

    monkeypatch.setattr("accelerate.Accelerator.load_state", fail)
    with pytest.raises(ConfigError, match=r"it does not fit these networks and options .*scaler\.pt"):
        run(toy_config(trained, 6, ema_decay=0.9), "latest")


@pytest.mark.parametrize("kind", ["empty", "cut"])
def test_without_a_list_the_files_tell_themselves(trained, kind):
    newest = trained / "checkpoints" / "step-00000004"
    (newest / MANIFEST).unlink()
    for name in FILES[:-1]:
        content = (newest / name).read_bytes()
        DAMAGES[kind](newest / name)
        with pytest.raises(ConfigError, match=rf"damaged \({name} is damaged\); go on .* --resume .*step-00000002$"):
            run(toy_config(trained, 6, ema_decay=0.9), "latest")
        (newest / name).write_bytes(content)
    assert run(toy_config(trained, 6, ema_decay=0.9), "latest") == 0  # as one of an earlier version


def test_where_none_is_whole_that_is_said(trained):
    for path in (trained / "checkpoints").glob("*/optimizer.bin"):
        cut(path)
    with pytest.raises(ConfigError, match="none beside it is whole: start again"):
        run(toy_config(trained, 6), "latest")


def test_going_on_from_the_one_before_equals_a_run_without_damage(trained, tmp_path_factory):
    straight, folder = tmp_path_factory.mktemp("straight"), trained / "checkpoints"
    run(toy_config(straight, 5, ema_decay=0.9))
    cut(folder / "step-00000004" / "optimizer.bin")
    config = toy_config(trained, 5, ema_decay=0.9, save_every=1, keep_last=1, stop_after_seconds=1e-9)
    assert run(config, str(folder / "step-00000002")) == 0
    assert [path.name for path in folder.iterdir()] == ["step-00000003"]  # the damaged one is no newer one any more
    config.stop_after_seconds = None
    assert run(config, "latest") == 0
    assert losses(trained) == losses(straight)
    expected, found = weights(straight), weights(trained)
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []


def test_other_networks_and_optimizers_are_no_damage(trained):
    stage = ToyStage()
    stage.networks = torch.nn.Linear(3, 3)
    for other, options in ((stage, {}), (ToyStage(), {"optimizer": {"name": "sgd"}})):
        with pytest.raises(ConfigError, match=r"step-00000004: it does not fit these networks and options \("):
            run(toy_config(trained, 6, **options), "latest", other)


def test_parameters_in_another_order_are_not_moved_by_each_others_moments(trained):
    stage = ToyStage()
    first, between, last = stage.networks
    stage.networks = torch.nn.Sequential(OrderedDict({"2": last, "1": between, "0": first}))
    with pytest.raises(ConfigError, match="the order of their parameters changed"):
        run(toy_config(trained, 6), "latest", stage)


@pytest.mark.parametrize(
    "torn",
    [
        b'{"step": 4, "loss": 0.',
        b"\0" * 50,
        b"\0" * 20 + b"\n",
        b"\xff\xfe\n",
        b"[1]\n",
        b'{"step": null}\n',
        b"\n",
        b"3\n",
    ],
)
def test_a_torn_log_stops_nothing(trained, torn):
    with (trained / "log.jsonl").open("ab") as file:
        file.write(torn)
    assert run(toy_config(trained, 6, ema_decay=0.9), "latest") == 0
    assert [row["step"] for row in log(trained)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("torn", [b"", b"batch_size: 2\nx: [", b"\0\0\0", b"\xff\xfe", b"- 1\n", b"word"])
def test_a_torn_configuration_is_written_anew(trained, torn):
    (trained / "config.yaml").write_bytes(torn)
    assert run(toy_config(trained, 6, ema_decay=0.9), "latest") == 0
    assert (trained / "config.yaml").read_text() == "batch_size: 2\n"


def test_what_a_killed_process_leaves_is_put_right(trained):
    checkpoints, validation = trained / "checkpoints", trained / "validation"
    halves = ("checkpoints/step-00000005.emo-new", "validation/step-00000004.emo-new", "model.emo-new")
    for half in (trained / name for name in halves):
        half.mkdir(parents=True)
        (half / "part").write_bytes(b"x")
    (checkpoints / "step-00000004").rename(checkpoints / "step-00000004.emo-old")  # killed between two renames
    (trained / "model").rename(trained / "model.emo-old")
    (checkpoints / "step-00000002.emo-old").mkdir()
    for own in (checkpoints / "step-00000004.new", trained / "model.old", trained / "notes.emo-new"):
        own.mkdir()  # somebody's own
    stage = ToyStage()
    run(toy_config(trained, 4, ema_decay=0.9), "latest", stage)
    assert stage.seen == []  # step 4 was there
    assert sorted(path.name for path in checkpoints.iterdir()) == [
        *("step-00000002", "step-00000004", "step-00000004.new")
    ]
    assert sorted(path.name for path in trained.iterdir()) == [
        *("checkpoints", "config.yaml", "log.jsonl", "model", "model.old", "notes.emo-new", "validation")
    ]
    assert list(validation.iterdir()) == []


def test_what_goes_is_never_seen_by_halves(trained, monkeypatch):
    """As far as a process killed meanwhile leaves it."""
    monkeypatch.setattr("emo.training.folders.shutil.rmtree", lambda path, ignore_errors=False: seen.append(path.name))
    seen = []
    run(toy_config(trained, 6, ema_decay=0.9, save_every=2, keep_last=1), "latest")
    assert {name for name in seen if name.startswith("step-")} == {
        *("step-00000002.emo-new", "step-00000004.emo-new", "step-00000006.emo-new", "step-00000006.emo-old")
    }


def test_a_wrong_place_to_go_on_from_is_said_at_once(trained):
    (trained / "file").write_text("x")
    newest = trained / "checkpoints" / "step-00000004"
    for wanted, message in (
        ("nowhere", f"--resume nowhere: no such folder; the newest checkpoint of this run is {newest}"),
        (str(trained), f"--resume {trained}: no checkpoint lies there; the newest"),
        (str(trained / "file"), "no such folder"),
        ("", "--resume : no checkpoint lies there"),
        ("x" * 300, "no such folder"),
        (None, "add --resume latest"),
    ):
        with pytest.raises(ConfigError) as caught:
            find_checkpoint(trained, wanted)
        assert message in str(caught.value)
    assert find_checkpoint(trained, "latest") == find_checkpoint(trained, str(newest)) == newest
    with pytest.raises(ConfigError, match="which is no folder"):
        find_checkpoint(trained / "file", None)


def test_the_list_is_of_what_the_disk_holds(trained):
    newest = trained / "checkpoints" / "step-00000004"
    listed = json.loads((newest / MANIFEST).read_text())
    assert {name: entry["size"] for name, entry in listed.items()} == {
        name: (newest / name).stat().st_size for name in FILES if name != MANIFEST
    }
