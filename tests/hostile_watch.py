"""Whether a file was opened, and whether the canary of `hostile_files` is in what came out."""

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hostile_files import HERTZ

IN_ACCESS, IN_OPEN = 0x1, 0x20


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[set[str]]:
    """The names of the files of a folder that are opened, or read, by whatever means."""
    names: set[str] = set()
    times = {path: path.stat().st_atime_ns for path in backdated(folder)}
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        watch = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(watch, os.fsencode(folder), IN_ACCESS | IN_OPEN) >= 0
    yield names
    names |= {path.name for path, time in times.items() if path.stat().st_atime_ns != time}
    if sys.platform == "linux":
        with contextlib.suppress(BlockingIOError):
            while events := os.read(watch, 1 << 16):
                while events:
                    _, _, _, length = struct.unpack_from("iIII", events)
                    names.add(os.fsdecode(events[16 : 16 + length].rstrip(b"\0")))
                    events = events[16 + length :]
        os.close(watch)


def backdated(folder: Path) -> list[Path]:
    """Files, last read before they were written: so a reading is noted on file systems that note it rarely."""
    paths = [path for path in folder.iterdir() if path.is_file()]
    for path in paths:
        os.utime(path, ns=(10**18, 2 * 10**18))
    return paths


def has_tone(sound: np.ndarray) -> bool:
    """Whether the canary is heard in mono sound at 16 kHz."""
    time = np.arange(len(sound)) / 16000
    return len(sound) > 0 and abs(np.mean(sound * np.exp(-2j * np.pi * HERTZ * time))) > 0.02


def has_color(picture: np.ndarray) -> bool:
    """Whether the canary is seen in a picture."""
    red, green, blue = picture.reshape(-1, 3).astype(int).mean(0)
    return min(red, blue) - green > 60
