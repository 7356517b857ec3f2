"""Where live sound comes from: a microphone, or whatever writes to standard input."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from emo.arriving import Arriving
from emo.errors import EmoError, OptionError, first_line

CHUNKS_PER_SECOND = 25
TOO_SLOW = "sound comes faster than frames can be drawn; choose fewer --steps, or a smaller --height and --width"


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
