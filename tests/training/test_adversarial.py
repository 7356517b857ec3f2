"""Two optimizers that take turns: what each changes, what is averaged, and that stopping changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from adversarial import AdversarialStage
from run_log import log, losses
from safetensors.torch import load_file
from torch.nn.functional import softplus
from toy import toy_config

from emo.training.loop import make_accelerator, train
from emo.training.step import DivergedError

SGD = {"name": "sgd", "weight_decay": 0.0}
TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


def run(stage, config, resume=None) -> int:
    return train(stage, config, make_accelerator(config), resume)


def weights(output: Path) -> dict[str, torch.Tensor]:
    return load_file(output / "model" / "toy.safetensors")


def with_sgd(**options) -> AdversarialStage:
    stage = AdversarialStage(**options)
    stage.config.discriminator.name = "sgd"
    stage.config.discriminator.weight_decay = 0.0
    return stage


def test_each_optimizer_is_logged_and_saved(tmp_path):
    assert run(AdversarialStage(8), toy_config(tmp_path, 4)) == 0
    first, *_, last = log(tmp_path)
    named = {"loss", "grad_norm", "lr"}
    assert named | {f"discriminator/{name}" for name in (*named, "right")} <= first.keys()
    assert (first["lr"], last["lr"]) == (0.05, 0.05)
    assert (first["discriminator/lr"], last["discriminator/lr"]) == (0.02, pytest.approx(0.005))
    files = {path.name for path in (tmp_path / "checkpoints" / "step-00000004").iterdir()}
    assert {"optimizer.bin", "optimizer_1.bin"} <= files


def test_a_step_by_hand(tmp_path):
    stage = with_sgd(batch_size=4)
    before = {name: tensor.clone() for name, tensor in stage.networks.state_dict().items()}
    stage.config.discriminator.max_grad_norm = 0.05
    run(stage, toy_config(tmp_path, 1, optimizer=SGD | {"max_grad_norm": 0.1}))

    networks = AdversarialStage().networks
    networks.load_state_dict(before)
    generator, discriminator = networks.generator, networks.discriminator
    x = torch.stack([torch.randn(3, generator=torch.Generator().manual_seed(g)) for g in range(4)])
    fake = generator(x)
    gradients = torch.autograd.grad(softplus(-discriminator(fake)).mean(), list(generator.parameters()))
    judged = softplus(-discriminator(2 * x + 1)).mean() + softplus(discriminator(fake.detach())).mean()
    others = torch.autograd.grad(judged, list(discriminator.parameters()))
    for parameters, given, limit, rate in ((generator, gradients, 0.1, 0.05), (discriminator, others, 0.05, 0.02)):
        norm = torch.stack([gradient.norm() for gradient in given]).norm()
        assert norm > limit
        for parameter, gradient in zip(parameters.parameters(), given, strict=True):
            parameter.data -= rate * gradient * min(1.0, limit / (norm + 1e-6))
    for name, tensor in weights(tmp_path).items():
        torch.testing.assert_close(tensor, networks.state_dict()[name])
        assert not torch.equal(tensor, before[name])


@pytest.mark.parametrize("options", [{}, {"ema_decay": 0.9}, {"accumulation": 2}])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, options):
    run(AdversarialStage(), toy_config(tmp_path / "straight", 6, **options))
    parts = toy_config(tmp_path / "parts", 6, **options, stop_after_seconds=1e-9)
    for _ in range(6):
        assert run(AdversarialStage(), parts, "latest") == 0
    rows = [
        [{k: v for k, v in row.items() if "loss" in k} for row in log(tmp_path / n)] for n in ("straight", "parts")
    ]
    assert len(rows[0]) == 6
    assert rows[0] == rows[1]
    expected, found = weights(tmp_path / "straight"), weights(tmp_path / "parts")
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []


def test_accumulated_batches_equal_one_large_batch(tmp_path):
    run(with_sgd(batch_size=4), toy_config(tmp_path / "large", 4, optimizer=SGD))
    run(with_sgd(batch_size=2), toy_config(tmp_path / "small", 4, optimizer=SGD, accumulation=2))
    assert losses(tmp_path / "small") == pytest.approx(losses(tmp_path / "large"), rel=1e-5)
    for key, tensor in weights(tmp_path / "large").items():
        torch.testing.assert_close(weights(tmp_path / "small")[key], tensor, rtol=1e-4, atol=1e-6)


def test_what_the_stage_says_is_averaged_and_nothing_else(tmp_path):
    run(AdversarialStage(), toy_config(tmp_path / "plain", 5))
    run(AdversarialStage(), toy_config(tmp_path / "averaged", 5, ema_decay=0.5))
    plain, averaged = weights(tmp_path / "plain"), weights(tmp_path / "averaged")
    differ = {name for name in plain if not torch.equal(plain[name], averaged[name])}
    assert differ == {"generator.weight", "generator.bias"}


def test_a_loss_that_is_no_number_stops_before_its_own_weights_change(tmp_path):
    before, stage = AdversarialStage(), AdversarialStage(poison=5)
    for each in (before, stage):
        each.config.discriminator.schedule = "constant"
    run(before, toy_config(tmp_path / "before", 2))
    named = r"at drawn \(sample 4\), drawn \(sample 5\);"
    with pytest.raises(DivergedError, match=f"step 3: the loss is not finite, {named}"):
        run(stage, toy_config(tmp_path / "poisoned", 6))
    old, new = before.networks.state_dict(), stage.networks.state_dict()
    assert {name for name in old if not torch.equal(old[name], new[name])} == {"generator.weight", "generator.bias"}


@pytest.mark.slow
def test_two_processes_equal_one_with_twice_the_batch(tmp_path):
    run(AdversarialStage(4), toy_config(tmp_path / "one", 5))
    script = str(Path(__file__).with_name("adversarial.py"))
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", "PYTHONPATH": paths}
    command = [sys.executable, *TWO, script, str(tmp_path / "two"), "2"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert (tmp_path / "two" / "model").is_dir(), result.stderr  # gloo sometimes aborts at exit
    assert log(tmp_path / "two")[0]["processes"] == 2
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-5)
    for key, tensor in weights(tmp_path / "one").items():
        torch.testing.assert_close(weights(tmp_path / "two")[key], tensor, rtol=1e-4, atol=1e-5)
