"""The ffmpeg that comes with imageio-ffmpeg. It is given raw pictures and sound, and no file but our own."""

import errno
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress

from emo.errors import OutputError

CLOSED = (errno.EPIPE, errno.EINVAL)  # what a pipe that nobody reads says; the second on Windows


def run_ffmpeg(*arguments: str, name: str, stdin: Iterable[bytes | memoryview] = ()) -> bytes:
    """What ffmpeg writes to its standard output.

    Args:
        arguments: after the general ones.
        name: what messages call the video.
        stdin: what it reads from its standard input, part by part.

    Raises:
        OutputError: ffmpeg fails, or the disk is full.
    """
    from imageio_ffmpeg import get_ffmpeg_exe

    command = [get_ffmpeg_exe(), "-hide_banner", "-v", "error", "-nostdin", "-y", *arguments]
    with (
        tempfile.TemporaryFile() as result,
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=result, stderr=messages) as process,
    ):
        try:
            _feed(process, stdin)
            process.wait()
        except BaseException:
            process.kill()
            _close(process)
            raise
        if process.returncode:
            messages.seek(0)
            raise OutputError(f"{name}: ffmpeg failed ({_reason(messages.read(), process.returncode)})")
        result.seek(0)
        return result.read()


def _feed(process: subprocess.Popen, parts: Iterable[bytes | memoryview]) -> None:
    """Write all parts, or as many as it takes: where it has ended early, it says why."""
    assert process.stdin is not None
    for part in parts:
        try:
            process.stdin.write(part)
        except OSError as error:
            if error.errno not in CLOSED:
                raise
            break
    _close(process)


def _close(process: subprocess.Popen) -> None:
    """Close what it reads from; what it has not taken yet may be refused."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()


def _reason(messages: bytes, status: int) -> str:
    message = messages.decode(errors="replace").strip()
    if "No space left" in message:
        return "no space left on the disk; free some and resume"
    return message.splitlines()[-1] if message else f"status {status}"
