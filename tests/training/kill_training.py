"""Kills a toy training at random moments with SIGKILL and goes on with it, again and again:

python kill_training.py SEED KILLS FOLDER

What was finished must be whole after each of them, and the result that of a run which nobody killed.
"""

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import torch  # noqa: E402
from run_log import losses  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from toy import ToyStage, toy_config  # noqa: E402

from emo.training.loop import make_accelerator, train  # noqa: E402
from emo.training.manifest import damage  # noqa: E402
from emo.training.resume import step_folders  # noqa: E402

STEPS = 12


def run(output: Path) -> None:
    """To the end, from wherever it is."""
    every = {"save_every": 2, "keep_last": 2, "validate_every": 3, "export_every": 5}
    config = toy_config(output, STEPS, ema_decay=0.9, tensorboard=True, **every)
    train(ToyStage(), config, make_accelerator(config), "latest")


def start(output: Path) -> int:
    """`run` in a process of its own, whose number is returned; nothing is to be imported there any more."""
    if child := os.fork():
        return child
    status = 1
    try:
        os.dup2(os.open(output.with_suffix(".txt"), os.O_CREAT | os.O_APPEND | os.O_WRONLY), 2)
        run(output)
        status = 0
    finally:
        os._exit(status)


def ended(child: int) -> bool:
    """Whether it went through, or was killed; nothing else may end it."""
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), f"the training ended with {code}"
    return code == 0


def check_what_is_finished(output: Path) -> None:
    """Whole, or not there."""
    for checkpoint in step_folders(output / "checkpoints"):
        assert damage(checkpoint) is None, (checkpoint, damage(checkpoint))
    for shown in output.glob("validation/step-*[0-9]"):
        assert (shown / "validated.txt").read_text() == "False", shown
    for model in (output / "model", output / "model.emo-old"):  # one of them, between two renames
        if model.is_dir() and not (output / "model.emo-new").is_dir():
            load_file(model / "toy.safetensors")


def result(output: Path) -> tuple[list[float], dict[str, torch.Tensor]]:
    return losses(output), load_file(output / "model" / "toy.safetensors")


def kill_training(seed: int, kills: int, folder: Path) -> int:
    """Kill it `kills` times.

    Returns:
        How many runs were gone through meanwhile.
    """
    draw, runs, killed = random.Random(seed), 0, 0
    began = time.monotonic()
    assert ended(start(folder / "straight"))
    duration, expected = time.monotonic() - began, result(folder / "straight")
    while killed < kills:
        output = folder / f"run{runs}"
        child = start(output)
        time.sleep(draw.uniform(0, 0.9 * duration))
        os.kill(child, signal.SIGKILL)
        finished = ended(child)
        killed += not finished
        check_what_is_finished(output)
        if finished or killed == kills:
            assert finished or ended(start(output))
            found = result(output)
            assert found[0] == expected[0]
            assert [key for key in expected[1] if not torch.equal(expected[1][key], found[1][key])] == []
            names = {path.name for path in output.iterdir()}
            assert names == {"checkpoints", "config.yaml", "log.jsonl", "model", "tensorboard", "validation"}, names
            shutil.rmtree(output)
            runs += 1
    return runs


if __name__ == "__main__":
    seed, kills, place = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    from torch.utils.tensorboard import SummaryWriter  # noqa: F401 (for all that are started)

    place.mkdir(parents=True, exist_ok=True)
    print(f"seed {seed}: {kills} kills, {kill_training(seed, kills, place)} runs went through")
