"""The way to the small model: what its command says and how it is stopped."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import emo_tiny
import pytest

from emo.locks import claim_folder
from emo.training import recipe


@pytest.mark.parametrize(("left", "limit"), [(0.2, "1"), (0.5, "1"), (12.6, "13")])
def test_a_training_is_given_at_least_a_second(monkeypatch, left, limit):
    given = []

    class Ended:
        def __init__(self, command, **options):
            given.extend(command)

        def wait(self, timeout=None):
            return 0

    monkeypatch.setattr(recipe.subprocess, "Popen", Ended)
    assert recipe.call(recipe.RecipeStep("stage1", ["train"], Path("model")), Path(), left) == 0
    assert given == ["train", f"train.stop_after_seconds={limit}"]


def test_the_second_in_a_folder_is_told_so_and_touches_nothing(monkeypatch, capsys, tmp_path):
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(sys, "argv", ["emo_tiny.py", "--toy", "--out", str(tmp_path)])
    monkeypatch.setattr(emo_tiny, "run", lambda *_: pytest.fail("it went on"))
    with claim_folder(tmp_path), ThreadPoolExecutor(1) as other:
        assert other.submit(emo_tiny.main).result() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"emo_tiny: {tmp_path} is being written by ")
    assert (tmp_path / "runs").is_dir()
