"""`emo ui`: its limits, and what it says where it cannot start."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from argparse import Namespace
from pathlib import Path

import pytest

from emo.cli.main import main
from emo.cli.ui import pick_limits
from emo.errors import OptionError
from emo.ui import PUBLIC_LIMITS, Limits

NAMES = ("max_upload", "max_pixels", "max_sound", "max_minutes", "max_steps", "max_side", "max_queue")
NONE = dict.fromkeys(NAMES)


def test_strangers_get_limits():
    assert pick_limits(Namespace(**NONE), False) == Limits()
    assert pick_limits(Namespace(**NONE), True) == PUBLIC_LIMITS
    assert None not in vars(PUBLIC_LIMITS).values()
    given = dict(max_upload=1.0, max_pixels=1.5, max_sound=2.0, max_minutes=3.0, max_steps=4, max_side=6, max_queue=5)
    limits = dict(upload=1, pixels=1.5, sound=2, work=3, steps=4, side=6, queue=5)
    assert vars(pick_limits(Namespace(**given), True)) == limits


@pytest.mark.parametrize("option", NONE)
def test_limits_are_positive(option):
    for value in (0, -1, float("nan")):
        with pytest.raises(OptionError, match="--max-" + option[4:]):
            pick_limits(Namespace(**NONE | {option: value}), False)
    with pytest.raises(OptionError, match="sound"):
        Limits(sound=0)


def test_without_weights_it_says_so(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("emo.hub.locate.bundled", lambda name: tmp_path)
    assert main(["ui"]) == 2
    shown = capfd.readouterr().err
    assert "--model" in shown
    assert "emo init" in shown


def test_without_gradio_it_says_what_to_install(model, capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert main(["ui", "--model", str(model)]) == 2
    assert "pip install 'emo[ui]'" in capfd.readouterr().err


def test_it_serves_until_it_is_ended_and_leaves_nothing(model, tmp_path):
    pytest.importorskip("gradio")
    (tmp_path / "temporary").mkdir()
    command = [sys.executable, "-m", "emo", "ui", "--model", str(model), "--host", "0.0.0.0"]
    environment = os.environ | {"TMPDIR": str(tmp_path / "temporary")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            said = process.stdout.readline()
            port = re.search(r"http://\S+?:(\d+)", said)[1]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
                assert b"EMO" in answer.read()
            assert [path.name[:7] for path in Path(tmp_path / "temporary").glob("emo-*")] == ["emo-ui-"]
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "--password keeps strangers out" in errors
    assert not list(Path(tmp_path / "temporary").glob("emo-*"))
