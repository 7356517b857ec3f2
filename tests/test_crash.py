"""`kill -9` and a full disk at a few moments; and whether a careless command is found out."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

CRASH = Path(__file__).with_name("crash.py")


@pytest.fixture(scope="module")
def crash():
    sys.path.insert(0, str(CRASH.parent / "train"))
    import crash

    yield crash
    sys.path.remove(str(CRASH.parent / "train"))


def trial(crash, tmp_path, write):
    """A trial of a command that writes numbers, slowly, into a file."""
    from crashing.commands import Command, Inputs

    def whole(out: Path) -> list[str]:
        path = out / "numbers"
        return ["half: numbers"] if path.exists() and len(path.read_bytes()) != 40 else []

    def call(out: str) -> int:
        try:
            write(Path(out) / "numbers", bytes(10))
        except OSError as error:
            print(f"emo: {error}", file=sys.stderr)
            return 2
        return 0

    command = Command(call, lambda inputs, out: [str(out)], whole, ("numbers",))
    crash.COMMANDS["numbers"] = command
    try:
        return crash.Trial("numbers", Inputs(tmp_path), tmp_path / "work")
    finally:
        del crash.COMMANDS["numbers"]


def careful(path: Path, block: bytes) -> None:
    careless(path.with_suffix(".tmp"), block)
    os.replace(path.with_suffix(".tmp"), path)


def careless(path: Path, block: bytes) -> None:
    with open(path, "wb", buffering=0) as file:
        for _ in range(4):
            file.write(block)
            time.sleep(0.05)


def faults(lines) -> list[str]:
    return [line for line in lines if line.startswith("  ")]


def test_a_half_file_after_a_kill_is_found(crash, tmp_path):
    assert faults(trial(crash, tmp_path, careful).moments("kill", 6, 0)) == []
    assert any("half" in line for line in faults(trial(crash, tmp_path, careless).moments("kill", 6, 0)))


def test_what_is_left_running_or_comes_out_otherwise_is_found(crash, tmp_path, monkeypatch):
    monkeypatch.setattr("crashing.runs.GRACE", 0.3)

    def leaves_a_child(path: Path, block: bytes) -> None:
        child = subprocess.Popen(["sleep", "30"])
        careful(path, block)
        child.kill()

    def goes_on_wrongly(path: Path, block: bytes) -> None:
        mark = path.parent / "mark"
        block = block[:-1] + b"1" if mark.exists() else block
        mark.touch()
        careful(path, block)

    found = faults(trial(crash, tmp_path, leaves_a_child).moments("kill", 4, 1))
    assert any("left running: sleep 30" in line for line in found)
    found = faults(trial(crash, tmp_path, goes_on_wrongly).moments("kill", 4, 1))
    assert any("differs: numbers" in line for line in found)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["kill", "full"])
def test_a_few_moments_of_every_command(kind):
    told = [kind, "--moments", "2", "--seed", "1"]
    result = subprocess.run([sys.executable, str(CRASH), *told], capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 faults" in result.stdout
