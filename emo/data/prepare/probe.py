"""What is known of a video before any of its pictures is looked at: who it is, how long, whether it can be read."""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from emo.errors import EmoError, VideoError, first_line
from emo.media import ConstantRateReader
from emo.media.demuxer import Media
from emo.media.timing import Timing
from emo.names import printable

BLOCK_SIZE = 1 << 20
MIN_PICTURE_RATE = 1  # pictures a second on the whole: with fewer, nobody is seen to talk


@dataclass(frozen=True)
class ProbedVideo:
    """One file.

    Attributes:
        key: of its content; the same for copies under other names.
        frames: at the constant rate, 0 where it cannot be read.
        seconds: its length.
        fault: why it cannot be read, or "".
    """

    key: str
    frames: int
    seconds: float
    fault: str


def probe(path: Path, fps: float) -> ProbedVideo:
    """Look at one file. Whatever is wrong with it ends up in `fault`.

    Args:
        path: of the file.
        fps: the constant rate that its frames are counted at.
    """
    try:
        key = _key(path)
    except OSError as error:
        return ProbedVideo("", 0, 0.0, f"it cannot be read ({error.strerror})")
    try:
        reader = ConstantRateReader(path, fps)
        with Media(path, VideoError) as media:
            timing = Timing.of(media)
        count = len(timing.ticks)
        seconds = timing.seconds
        if count > 1 and seconds > (count + 1) / Fraction(MIN_PICTURE_RATE):
            raise VideoError(f"{path} has {count} pictures in {float(seconds):.0f} seconds: it is no film")
        return ProbedVideo(key, round(seconds * reader.fps), round(float(seconds), 3), "")
    except EmoError as error:
        return ProbedVideo(key, 0, 0.0, str(error).replace(printable(path), "it", 1))
    except Exception as error:  # decoders fail in ways of their own; a broken file stops nobody
        return ProbedVideo(key, 0, 0.0, f"it cannot be read ({type(error).__name__}: {first_line(error)})")


def _key(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(BLOCK_SIZE):
            digest.update(block)
    return digest.hexdigest()
