"""What visitors upload, read by `emo.media.reader` in processes of their own: no decoder meets it in this one."""

import json
import logging
import os
import struct
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from emo.errors import AudioError, EmoError, ImageError
from emo.files import require_file

READER = "emo.media.reader"
BASE_SECONDS = 30  # of work, for a picture without pixels and a recording of no length
MAX_ANSWER = 1 << 16
MAX_BYTES = 1 << 40  # of a recording without a limit
MAX_RATE = 1 << 20
HEADER, FRAME = 58, 8  # bytes before the samples of a WAV file, and of one for each of two channels
KEPT_PIXELS = 50_000_000  # pixels in all of portraits that stay decoded, for whoever taps on them
MAX_REMARKS = 10  # of a reader, that go to the log
WAIT_SECONDS = 60.0  # seconds for one of the readers
INHERITED = (
    *("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "TMPDIR"),  # where this Python finds its own
    *("SYSTEMROOT", "OPENBLAS_CORETYPE"),
)

_at_once = threading.BoundedSemaphore(2)  # readers: each may take some gigabytes
_kept: "OrderedDict[tuple, Image.Image]" = OrderedDict()
_lock = threading.Lock()

logger = logging.getLogger(__name__)


def read_portrait(path: str | Path, megapixels: float) -> Image.Image:
    """The picture in an uploaded file, RGB; not to be changed, as it may be given again.

    Args:
        path: the file.
        megapixels: the most it may have.

    Raises:
        ImageError: it cannot be used, is too large, or reading it takes too much.
    """
    path = Path(path)
    require_file(path, ImageError)
    state = path.stat()
    key = path, state.st_mtime_ns, state.st_size, megapixels
    with _lock:
        for gone in [known for known in _kept if not known[0].exists()]:
            del _kept[gone]
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    pixels = round(megapixels * 1e6)
    with tempfile.TemporaryFile() as out:
        answer = _read("picture", path, out, pixels, 3 * pixels, BASE_SECONDS + round(megapixels), ImageError)
        width, height = (_positive(answer, name, pixels) for name in ("width", "height"))
        size = out.seek(0, os.SEEK_END)
        if not size or size != 3 * width * height:
            raise _unusable(path, ImageError)
        out.seek(0)
        content = out.read()
    picture = Image.frombytes("RGB", (width, height), content)
    if width * height <= KEPT_PIXELS:
        with _lock:
            _kept[key] = picture
            while sum(known.width * known.height for known in _kept.values()) > KEPT_PIXELS:
                _kept.popitem(last=False)
    return picture


def forget_portraits() -> None:
    """Keep none decoded any longer."""
    with _lock:
        _kept.clear()


def read_sound(path: str | Path, copy: Path, seconds: float | None) -> None:
    """Write the sound in an uploaded file as a WAV file of two channels, at its own rate.

    Args:
        path: the file.
        copy: the WAV file, whatever its ending.
        seconds: the most it may be long.

    Raises:
        AudioError: it cannot be used, is too long, or reading it takes too much.
        OSError: the copy cannot be written.
    """
    path = Path(path)
    require_file(path, AudioError)
    megabytes = path.stat().st_size / 1e6
    most = MAX_BYTES if seconds is None else HEADER + round((seconds + 1) * MAX_RATE * FRAME)
    time = BASE_SECONDS + round(2 * megabytes if seconds is None else seconds)
    with copy.open("w+b") as out:
        out.write(bytes(HEADER))
        out.flush()
        answer = _read("sound", path, out, seconds or 0, most, time, AudioError)
        rate = _positive(answer, "rate", MAX_RATE)
        size = out.seek(0, os.SEEK_END) - HEADER
        if size <= 0 or not rate or size % FRAME:
            raise _unusable(path, AudioError)
        out.seek(0)
        out.write(_wav_header(rate, size))


def _read(
    kind: str, path: Path, out: BinaryIO, most: float, file_size: int, seconds: int, error: type[EmoError]
) -> dict[str, object]:
    """Run a reader to its end; returns what it has to say of `path`, with `out` written."""
    values = [kind, path.name, str(most), str(file_size), str(seconds)]
    with _turn(error), path.open("rb") as file:
        try:
            process = subprocess.Popen(
                [sys.executable, "-X", "utf8", "-m", READER, *values],
                stdin=file,
                stdout=out,
                stderr=subprocess.PIPE,
                env=_environment(),
                cwd=Path(__file__).parents[2],
            )
        except OSError as problem:
            logger.error("no reader could be started: %s", problem)
            raise _unusable(path, error) from problem
        assert process.stderr is not None  # asked for above
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, end)
        try:
            timer.start()
            answer_bytes = process.stderr.read(MAX_ANSWER)
        except (OSError, RuntimeError) as problem:  # there are too many threads
            logger.error("no reader could be watched: %s", problem)
            raise _unusable(path, error) from problem
        finally:
            timer.cancel()
            process.kill()
            process.stderr.close()
            process.wait()
    if late.is_set():
        raise error(f"{path.name} takes longer than {seconds} s to read; save it in a plainer form")
    try:
        answer = json.loads(answer_bytes)
        remarks = [_line(text) for text in islice(answer.get("remarks", []), MAX_REMARKS)]
    except (ValueError, AttributeError, TypeError, RecursionError):
        logger.error("the reader of %s ended with status %s: %s", path.name, process.returncode, answer_bytes[-500:])
        raise _unusable(path, error) from None
    if not answer.get("confined") and sys.platform.startswith("linux"):
        logger.warning("this system's kernel does not keep the reader of uploads from other files")
    for line in remarks:
        logger.warning("%s", line)
    if "error" in answer:
        raise _error(answer, path, error)
    return answer


@contextmanager
def _turn(error: type[EmoError]) -> Iterator[None]:
    """Wait for one of the readers."""
    if not _at_once.acquire(timeout=WAIT_SECONDS):
        raise error("the server is busy; try again")
    try:
        yield
    finally:
        _at_once.release()


def _environment() -> dict[str, str]:
    """What a reader needs of ours: where programs and packages lie, and that it be one thread."""
    places = os.pathsep.join(str(Path(place).absolute()) for place in sys.path)
    ours = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return ours | {"PYTHONPATH": places, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


def _error(answer: dict[str, object], path: Path, error: type[EmoError]) -> EmoError:
    """A reader's error as one of ours; it may have been talked into saying anything."""
    kind, message = _line(answer["error"]), _line(answer.get("message"))
    if kind == "MemoryError":
        return error(f"{path.name} takes too much memory to read; save it smaller, or in a plainer form")
    if kind not in (error.__name__, EmoError.__name__):
        logger.error("the reader of %s failed: %s: %s", path.name, kind, message)
        return _unusable(path, error)
    return error(message)


def _line(text: object) -> str:
    """At most 500 characters, without what would move a terminal's cursor or cannot be written."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in str(text)[:500]).split())


def _unusable(path: Path, error: type[EmoError]) -> EmoError:
    return error(f"{path.name} cannot be read: its reader gave up; save it again, in a plainer form")


def _positive(answer: dict[str, object], name: str, most: int) -> int:
    """A number of the answer; 0 where it is none from 1 to `most`."""
    value = answer.get(name)
    return value if type(value) is int and 0 < value <= most else 0


def _wav_header(rate: int, size: int) -> bytes:
    """Of float32 samples in two channels; beyond 4 GB the length stands for everything up to the file's end."""
    form = struct.pack("<HHIIHHH", 3, 2, rate, rate * FRAME, FRAME, 32, 0)
    frames = min(size // FRAME, 0xFFFFFFFF)
    total, size = min(size + HEADER - 8, 0xFFFFFFFF), min(size, 0xFFFFFFFF)
    parts = (b"RIFF", total, b"WAVE", b"fmt ", len(form), form, b"fact", 4, frames, b"data", size)
    return struct.pack("<4sI4s4sI18s4sII4sI", *parts)
