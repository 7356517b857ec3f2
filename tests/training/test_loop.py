"""The loop, on one layer: what it writes, when it stops, and that stopping changes nothing."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from run_log import log, losses
from safetensors.torch import load_file
from toy import ToyStage, toy_config

from emo.errors import ConfigError, OutputError
from emo.locks import claim_folder
from emo.training.loop import make_accelerator, train
from emo.training.step import DivergedError


def run(stage, config, resume=None) -> int:
    return train(stage, config, make_accelerator(config), resume)


def weights(output: Path) -> dict[str, torch.Tensor]:
    return load_file(output / "model" / "toy.safetensors")


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert [key for key in a if not torch.equal(a[key], b[key])] == []


def test_it_learns_and_writes_everything(tmp_path):
    config = toy_config(tmp_path, 40, save_every=10, keep_last=2, validate_every=20, export_every=20, tensorboard=True)
    assert run(ToyStage(8), config) == 0
    assert losses(tmp_path)[-1] < losses(tmp_path)[0] / 4
    assert [p.name for p in sorted((tmp_path / "checkpoints").iterdir())] == ["step-00000030", "step-00000040"]
    assert [p.name for p in sorted((tmp_path / "validation").iterdir())] == ["step-00000020", "step-00000040"]
    assert (tmp_path / "validation" / "step-00000040" / "validated.txt").read_text() == "False"
    assert [line["step"] for line in log(tmp_path) if line.get("validation/score") == 0.25] == [20, 40]
    assert set(log(tmp_path)[0]) >= {"lr", "loss", "largest", "grad_norm", "samples_per_second", "data_wait_share"}
    assert list((tmp_path / "tensorboard").glob("events.*"))
    assert weights(tmp_path).keys() == ToyStage().networks.state_dict().keys()


@pytest.mark.parametrize("options", [{}, {"ema_decay": 0.9}, {"accumulation": 2}])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, options):
    schedule = {"optimizer": {"schedule": "cosine", "warmup_steps": 2}}
    run(ToyStage(), toy_config(tmp_path / "straight", 8, **options, **schedule))
    halves = toy_config(tmp_path / "halves", 8, **options, **schedule, stop_after_seconds=1e-9)
    for _ in range(8):
        assert run(ToyStage(), halves, "latest") == 0
    assert losses(tmp_path / "halves") == losses(tmp_path / "straight")
    assert_same(weights(tmp_path / "halves"), weights(tmp_path / "straight"))


def test_accumulated_batches_equal_one_large_batch(tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1")  # as `accelerate launch` does
    large, small = ToyStage(4), ToyStage(2)
    plain = {"optimizer": {"name": "sgd", "max_grad_norm": 0.0}}  # Adam and clipping would hide a gradient's scale
    run(large, toy_config(tmp_path / "large", 5, **plain))
    run(small, toy_config(tmp_path / "small", 5, accumulation=2, **plain))
    assert small.seen == large.seen == list(range(20))
    assert losses(tmp_path / "small") == pytest.approx(losses(tmp_path / "large"), rel=1e-5)
    for key, tensor in weights(tmp_path / "large").items():
        torch.testing.assert_close(weights(tmp_path / "small")[key], tensor, rtol=1e-4, atol=1e-6)


def test_averaged_weights_are_what_is_saved(tmp_path):
    for steps in (1, 2, 3):
        run(ToyStage(), toy_config(tmp_path / f"plain{steps}", steps))
    run(ToyStage(), toy_config(tmp_path / "averaged", 3, ema_decay=0.2))
    assert losses(tmp_path / "averaged") == losses(tmp_path / "plain3")
    first, second, third = (weights(tmp_path / f"plain{steps}") for steps in (1, 2, 3))
    for key, tensor in weights(tmp_path / "averaged").items():
        warming_up = 2 / 11 * first[key] + 9 / 11 * second[key]  # decay (1 + t) / (10 + t)
        torch.testing.assert_close(tensor, 0.2 * warming_up + 0.8 * third[key])


def test_a_loss_that_is_no_number_stops_before_the_weights_change(tmp_path):
    stage, before = ToyStage(2, poison=4), ToyStage(2)
    run(before, toy_config(tmp_path / "before", 2))
    with pytest.raises(DivergedError, match=r"step 3: the loss is not finite, at samples \[4, 5\];"):
        run(stage, toy_config(tmp_path / "poisoned", 6))
    assert_same(dict(stage.networks.state_dict()), weights(tmp_path / "before"))


def test_only_the_accumulated_batch_at_fault_is_named(tmp_path):
    with pytest.raises(DivergedError, match=r"step 2: the loss is not finite, at samples \[6, 7\];"):
        run(ToyStage(2, poison=6), toy_config(tmp_path, 6, accumulation=2))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_leaves(tmp_path, number):
    class Interrupted(ToyStage):
        def loss(self, networks, batch):
            if 4 in batch.index:
                os.kill(os.getpid(), number)
            return super().loss(networks, batch)

    run(ToyStage(), toy_config(tmp_path / "straight", 6))
    config = toy_config(tmp_path / "stopped", 6)
    before = signal.getsignal(number)
    assert run(Interrupted(), config) == 128 + number
    assert signal.getsignal(number) is before
    assert not (tmp_path / "stopped" / "model").exists()
    assert run(ToyStage(), config, "latest") == 0
    assert losses(tmp_path / "stopped") == losses(tmp_path / "straight")
    assert_same(weights(tmp_path / "stopped"), weights(tmp_path / "straight"))


def test_an_earlier_run_is_not_overwritten(tmp_path):
    run(ToyStage(), toy_config(tmp_path, 2))
    with pytest.raises(ConfigError, match="--resume latest"):
        run(ToyStage(), toy_config(tmp_path, 2))


def test_a_checkpoint_half_written_is_not_there(tmp_path, monkeypatch):
    run(ToyStage(), toy_config(tmp_path, 2))
    monkeypatch.setattr(
        "accelerate.Accelerator.save_state", lambda self, folder: Path(folder, "part").write_text("x") and 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        run(ToyStage(), toy_config(tmp_path, 3), "latest")
    monkeypatch.undo()
    stage = ToyStage()
    run(stage, toy_config(tmp_path, 3), "latest")
    assert stage.seen == [4, 5]


def test_a_checkpoint_of_other_networks_is_an_error(tmp_path):
    run(ToyStage(), toy_config(tmp_path, 2))
    stage = ToyStage()
    stage.networks = torch.nn.Linear(3, 3)
    with pytest.raises(ConfigError, match=r"step-00000002: it does not fit"):
        run(stage, toy_config(tmp_path, 3), "latest")


def test_an_optimizer_that_is_not_installed_is_named(tmp_path):
    with pytest.raises(ConfigError, match="adamw_8bit needs bitsandbytes"):
        run(ToyStage(), toy_config(tmp_path, optimizer={"name": "adamw_8bit"}))


def test_a_compiled_run_saves_plain_names(tmp_path, monkeypatch):
    run(ToyStage(), toy_config(tmp_path / "plain", 2))
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "EAGER")
    run(ToyStage(), toy_config(tmp_path / "compiled", 2))
    assert_same(weights(tmp_path / "compiled"), weights(tmp_path / "plain"))
    monkeypatch.undo()
    run(ToyStage(), toy_config(tmp_path / "compiled", 3), "latest")


def test_the_configuration_is_kept_and_changes_are_said(tmp_path, capsys):
    run(ToyStage(2), toy_config(tmp_path, 1))
    assert (tmp_path / "config.yaml").read_text() == "batch_size: 2\n"
    assert "other settings" not in capsys.readouterr().err
    run(ToyStage(1), toy_config(tmp_path, 2), "latest")
    assert "going on with other settings: batch_size: 2 → 1" in capsys.readouterr().err


def test_nothing_but_the_start_is_written_for_no_steps(tmp_path):
    run(ToyStage(), toy_config(tmp_path, 0, ema_decay=0.9))
    assert_same(weights(tmp_path), dict(ToyStage().networks.state_dict()))
    assert not (tmp_path / "checkpoints").exists()


def test_with_more_samples_per_step_a_run_goes_on_where_the_samples_end(tmp_path):
    run(ToyStage(2), toy_config(tmp_path, 4))
    stage = ToyStage(4)
    run(stage, toy_config(tmp_path, 5), "latest")
    assert stage.seen == [8, 9, 10, 11]


def test_the_second_run_in_a_folder_is_told_who_has_it(tmp_path):
    config = toy_config(tmp_path, 2)
    with claim_folder(tmp_path), ThreadPoolExecutor(1) as other:
        again = other.submit(run, ToyStage(), config)
        with pytest.raises(OutputError, match="is being written by"):
            again.result()
    assert run(ToyStage(), config) == 0


def test_all_checkpoints_stay_if_none_is_to_go(tmp_path):
    run(ToyStage(), toy_config(tmp_path, 5, save_every=1, keep_last=0))
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        f"step-0000000{k}" for k in range(1, 6)
    ]
