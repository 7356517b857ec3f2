"""What is known of a video before any of its pictures is looked at: who it is, how long, whether it can be read."""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from emo.data.prepare.footage import Footage
from emo.errors import EmoError, VideoError, first_line
from emo.names import printable

BLOCK = 1 << 20
LEAST_RATE = 1  # pictures a second on the whole: with fewer, the timestamps are damaged


@dataclass(frozen=True)
class Survey:
    """One file.

    key: of its content; the same for copies under other names. frames: at the constant rate, 0 where it cannot be
    read. seconds: its length. fault: why it cannot be read, or "".
    """

    key: str
    frames: int
    seconds: float
    fault: str


def survey(path: Path, fps: float) -> Survey:
    """Look at one file. Whatever is wrong with it ends up in `fault`."""
    try:
        key = _key(path)
    except OSError as error:
        return Survey("", 0, 0.0, f"it cannot be read ({error.strerror})")
    try:
        footage = Footage(path, fps)
        seconds = _seconds(path)
        return Survey(key, round(seconds * footage.fps), round(float(seconds), 3), "")
    except EmoError as error:
        return Survey(key, 0, 0.0, str(error).replace(printable(path), "it", 1))
    except Exception as error:  # decoders fail in ways of their own; a broken file stops nobody
        return Survey(key, 0, 0.0, f"it cannot be read ({type(error).__name__}: {first_line(error)})")


def _key(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _seconds(path: Path) -> Fraction:
    """Length of the picture by its packets, none of them decoded."""
    import av
    from av.error import FFmpegError

    times, count = [], 0
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or Fraction(25)
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:
                break
            if packet is None:
                break
            if packet.size and not packet.is_discard:
                count += 1
                if packet.pts is not None:
                    times.append(packet.pts)
        span = (max(times) - min(times)) * stream.time_base if times else Fraction(0)
    seconds = span + 1 / rate if len(times) == count else count / rate
    if count > 1 and seconds > (count + 1) / Fraction(LEAST_RATE):
        raise VideoError(f"{path} has {count} pictures in {float(seconds):.0f} seconds; its timestamps are damaged")
    return seconds
