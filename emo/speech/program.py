"""A program that speaks: no shell, text by standard input, an end to its time and to what it may write."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from emo.errors import SpeechError
from emo.names import printable

SECONDS, SECONDS_PER_CHARACTER = 300.0, 0.2
LONGEST_MESSAGE, UNKNOWN_VERSION = 300, "unknown"
BYTES, BYTES_PER_CHARACTER = 1 << 28, 1 << 16  # of any file: audio libraries share memory by a file of 64 MB


def run_program(command: Sequence[str], text: str, path: Path, name: str, *, encoding: str = "utf-8") -> None:
    """Let a program read a text and write a sound file.

    Args:
        command: the program and its arguments.
        text: for its standard input.
        path: of the file that it writes.
        name: what messages call the engine.
        encoding: of the text.

    Raises:
        SpeechError: it fails, takes too long, or writes nothing or too much.
    """
    seconds = SECONDS + SECONDS_PER_CHARACTER * len(text)
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        except OSError as error:
            raise SpeechError(f"{name} cannot be started ({error.strerror})") from error
        with process:
            try:
                _bound_file(process.pid, BYTES + BYTES_PER_CHARACTER * len(text))
                process.communicate(text.encode(encoding), timeout=seconds)
            except subprocess.TimeoutExpired:
                raise SpeechError(f"{name} takes longer than {seconds:.0f} s; give a shorter text") from None
            finally:
                process.kill()
        said.seek(0)
        lines = said.read(1 << 16).decode("utf-8", "replace").split("\n")
    message = printable(next((line.strip() for line in reversed(lines) if line.strip()), ""))[:LONGEST_MESSAGE]
    if process.returncode:
        raise SpeechError(f"{name} failed ({message or f'status {process.returncode}'})")
    if not path.is_file() or not path.stat().st_size:
        raise SpeechError(f"{name} made no sound{message and f' ({message})'}; is there anything to speak?")


def asked(*command: str) -> str | None:
    """What a program prints, or None where there is none of that name."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout or done.stderr).decode("utf-8", "replace")


def version_of(*command: str) -> str | None:
    """The first number with points in what a program prints, or None where there is no such program."""
    said = asked(*command)
    found = re.search(r"\d+(\.\d+)+", said or "")
    return found[0] if found else said and UNKNOWN_VERSION


def _bound_file(pid: int, most: int) -> None:
    """Let a process write no file of more bytes, where the system can be told so."""
    if sys.platform.startswith("linux"):
        import resource

        try:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
        except OSError:  # it has ended already, or this is not to be had here
            return
