"""Programs that speak: text by standard input, an end to time and size, and what is said when they fail."""

import sys

import pytest

from emo.errors import SpeechError
from emo.speech import program
from emo.speech.program import asked, run_program


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_text_goes_in_by_standard_input_and_not_by_the_command(tmp_path):
    path = tmp_path / "made"
    code = f"import sys; open({str(path)!r}, 'wb').write(sys.stdin.buffer.read() + repr(sys.argv).encode())"
    run_program(python(code), "--help; $(id) ä", path, "test")
    assert path.read_bytes() == "--help; $(id) ä['-c']".encode()


def test_a_program_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "SECONDS", 0.5)
    with pytest.raises(SpeechError, match=r"test takes longer than \d s; give a shorter text"):
        run_program(python("import time; time.sleep(1000)"), "Hello", tmp_path / "made", "test")


def test_a_program_that_fails_is_told_with_what_it_said_last(tmp_path):
    with pytest.raises(SpeechError, match=r"test failed \(no such thing\)"):
        run_program(python("raise SystemExit('first\\nno such thing')"), "Hello", tmp_path / "made", "test")


def test_a_program_that_writes_nothing_is_told(tmp_path):
    with pytest.raises(SpeechError, match="test made no sound"):
        run_program(python("pass"), "Hello", tmp_path / "made", "test")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs prlimit")
def test_a_program_cannot_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "BYTES", 1000)
    path = tmp_path / "made"
    code = f"import sys; sys.stdin.read(); open({str(path)!r}, 'wb').write(bytes(1 << 20))"
    with pytest.raises(SpeechError, match="test failed"):
        run_program(python(code), "Hi", path, "test")
    assert path.stat().st_size < 1 << 18


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(SpeechError, match="cannot be started"):
        run_program(["no-such-program-here"], "Hello", tmp_path / "made", "test")
    assert asked("no-such-program-here") is None
