"""What the command line makes of errors and warnings, and of work that is stopped."""

import argparse
import warnings

import pytest

from emo.cli import main as command
from emo.cli.arguments import add_device, add_dtype, add_workers, check_workers, unfinished
from emo.console import plain_warnings
from emo.errors import EmoWarning, FaceError, OptionError, Setting

WHOLE_PICTURE = {"remedy": "choose {}", "setting": Setting("face_region", "full")}


def test_a_remedy_is_a_flag_on_the_command_line(monkeypatch, capsys):
    def run(options):
        raise FaceError("a.png: no face", **WHOLE_PICTURE)

    monkeypatch.setattr(command.doctor, "run", run)
    assert command.main(["doctor"]) == 2
    assert capsys.readouterr().err == "emo: a.png: no face; choose --face-region full\n"


def test_so_it_is_in_a_warning_and_those_of_libraries_are_not_shown(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        plain_warnings()
        warnings.warn(EmoWarning("a.png: two faces", **WHOLE_PICTURE), stacklevel=1)
        warnings.warn("of a library", stacklevel=1)
    assert capsys.readouterr().err == "emo: a.png: two faces; choose --face-region full\n"


class Steps:
    """A generator that says when it is closed."""

    def __init__(self):
        self.closed = False

    def run(self):
        try:
            yield
        finally:
            self.closed = True


def test_stopped_work_is_finished_before_it_is_said_to_continue(tmp_path, capsys):
    steps = Steps()
    running = steps.run()
    next(running)

    def stop():
        with unfinished(tmp_path / "out", running):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert steps.closed
    assert capsys.readouterr().err == f"emo: {tmp_path / 'out'} is unfinished; the same command continues\n"


def test_shared_arguments():
    parser = argparse.ArgumentParser()
    add_device(parser)
    add_dtype(parser, default=None)
    add_workers(parser)
    assert vars(parser.parse_args([])) == {"device": "auto", "dtype": None, "workers": None}
    given = parser.parse_args(["--device", "cuda:1", "--dtype", "float16", "--workers", "3"])
    assert vars(given) == {"device": "cuda:1", "dtype": "float16", "workers": 3}
    check_workers(None)
    check_workers(1)
    with pytest.raises(OptionError, match="--workers 0: must be at least 1") as caught:
        check_workers(0)
    assert caught.value.option == "workers"
