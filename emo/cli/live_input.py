"""Where live sound comes from: a microphone, or whatever writes to standard input."""

import os
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from emo.errors import EmoError, OptionError, first_line

POLL = 0.1  # seconds between looks at whether it is to stop
CHUNKS_PER_SECOND = 25
WAITING_CHUNKS = 250  # ten seconds
TOO_SLOW = "sound comes faster than frames can be drawn; choose fewer --steps, or a smaller --height and --width"


class Arriving:
    """What another thread makes, in order, until it has ended or is told to stop; what has come by then counts.

    Args:
        limit: how much may wait; whoever makes more has to wait himself.
    """

    def __init__(self, limit: int = WAITING_CHUNKS):
        self._queue: queue.Queue[Any] = queue.Queue(limit)
        self._stopped = threading.Event()
        self._ended = threading.Event()
        self._error: BaseException | None = None

    @property
    def full(self) -> bool:
        """Whether no more may wait."""
        return self._queue.full()

    def put(self, thing: Any) -> bool:
        """Add one, as soon as there is room; returns whether more is wanted."""
        while not self._stopped.is_set():
            try:
                self._queue.put(thing, timeout=POLL)
                return True
            except queue.Full:
                continue
        return False

    def put_at_once(self, thing: Any, error: EmoError) -> None:
        """Add one without waiting, if more is wanted; where there is no room, it ends with an error."""
        if self._stopped.is_set() or self._ended.is_set():
            return
        try:
            self._queue.put_nowait(thing)
        except queue.Full:
            self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """Nothing comes after what has come.

        Args:
            error: to be raised then.
        """
        self._error = self._error or error
        self._ended.set()

    def stop(self) -> None:
        """Nothing more is wanted than what has come."""
        self._stopped.set()

    def __iter__(self) -> Iterator[Any]:
        while True:
            over = self._ended.is_set() or self._stopped.is_set()
            try:
                yield self._queue.get(timeout=0 if over else POLL)
            except queue.Empty:
                if over:
                    break
        if self._error is not None:
            raise self._error


@contextmanager
def standard_input(sound: Arriving, rate: int, device: str | None = None) -> Iterator[None]:
    """Let samples of standard input arrive, 16 bits, little-endian, mono.

    Args:
        sound: where they arrive.
        rate: samples per second.
        device: there is none.

    Raises:
        OptionError: it is a terminal.
    """
    if sys.stdin.isatty():
        raise OptionError("--stdin: nothing writes to it; pipe raw samples into the command", option="stdin")
    descriptor = sys.stdin.fileno()

    def read() -> None:
        rest = b""
        try:
            while data := os.read(descriptor, 2 * max(1, rate // CHUNKS_PER_SECOND)):
                data = rest + data
                whole = len(data) - len(data) % 2
                rest = data[whole:]
                if not sound.put(np.frombuffer(data[:whole], "<i2").astype(np.int16)):
                    return
        except OSError as error:
            sound.end(EmoError(f"--stdin cannot be read ({error.strerror})"))
        sound.end()

    threading.Thread(target=read, daemon=True).start()
    yield


@contextmanager
def microphone(sound: Arriving, rate: int, device: str | None = None) -> Iterator[None]:
    """Let a microphone's sound arrive.

    Args:
        sound: where it arrives.
        rate: samples per second.
        device: name or number of the microphone; the system's own by default.

    Raises:
        EmoError: sounddevice is not installed, or there is no such microphone.
    """
    try:
        import sounddevice  # pyright: ignore[reportMissingImports] (an extra)
    except ImportError as error:
        raise EmoError(f"--mic needs sounddevice ({error}); install it: pip install 'emo[live]'") from None
    except OSError as error:
        raise EmoError(f"--mic needs PortAudio ({first_line(error)}); install it: apt install libportaudio2") from None

    def hear(samples: np.ndarray, *_: object) -> None:
        sound.put_at_once(samples[:, 0].copy(), EmoError(TOO_SLOW))

    named = int(device) if device and device.isdigit() else device or None
    try:
        stream = sounddevice.InputStream(
            samplerate=rate,
            channels=1,
            dtype="int16",
            blocksize=rate // CHUNKS_PER_SECOND,
            device=named,
            callback=hear,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise EmoError(
            f"--mic {device or ''}: {first_line(error)}; `python -m sounddevice` lists what there is"
        ) from None
    with stream:
        yield
