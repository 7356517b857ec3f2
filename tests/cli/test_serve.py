"""`emo serve`: its limits, and what it says where it cannot start."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from argparse import Namespace
from dataclasses import fields

import pytest
from tiny import tiny_vasa

from emo.cli.main import main
from emo.cli.serve import pick_limits
from emo.errors import OptionError
from emo.serve import PUBLIC_LIVE_LIMITS, LiveLimits

NAMES = [f"max_{field.name}" for field in fields(LiveLimits)]
NONE = dict.fromkeys(NAMES)


def test_strangers_get_limits():
    assert pick_limits(Namespace(**NONE), False) == LiveLimits()
    assert pick_limits(Namespace(**NONE), True) == PUBLIC_LIVE_LIMITS
    assert None not in vars(PUBLIC_LIVE_LIMITS).values()
    given = {name: number for number, name in enumerate(NAMES, 1)}
    assert vars(pick_limits(Namespace(**given), True)) == {name[4:]: number for name, number in given.items()}


@pytest.mark.parametrize("option", NAMES)
def test_limits_are_positive(option):
    for value in (0, -1, float("nan")):
        with pytest.raises(OptionError, match="--" + option.replace("_", "-")):
            pick_limits(Namespace(**NONE | {option: value}), False)


@pytest.mark.parametrize(
    ("given", "said"), [(["--port", "70000"], "--port 70000"), (["--max-sessions", "0"], "--max-sessions 0")]
)
def test_what_is_no_option_is_told_before_anything_is_loaded(given, said, capfd):
    assert main(["serve", "--model", "nowhere", *given]) == 2
    assert said in capfd.readouterr().err


def test_a_model_that_cannot_follow_live_sound_is_told(model, capfd):
    assert main(["serve", "--model", str(model)]) == 2
    assert "cannot follow live sound" in capfd.readouterr().err


def test_it_serves_until_it_is_ended(tmp_path):
    pytest.importorskip("uvicorn")
    tiny_vasa().save_pretrained(tmp_path / "vasa")
    command = [sys.executable, "-m", "emo", "serve", "--model", str(tmp_path / "vasa"), "--host", "0.0.0.0"]
    given = ["--port", "0", "--max-sessions", "3"]
    environment = os.environ | {"EMO_TOKEN": ""}
    with subprocess.Popen(
        [*command, *given], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            port = re.search(r"http://127.0.0.1:(\d+)/ ", process.stdout.readline())[1]
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{port}/healthz", timeout=20) as answer:
                assert b'"most":3' in answer.read()
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
    assert "--token keeps strangers out" in errors
    assert "Traceback" not in errors
    assert process.returncode in (0, -signal.SIGTERM)
