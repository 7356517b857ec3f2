"""Rates: frames per second as exact fractions, the rate of voices, and how many frames a recording fills."""

from fractions import Fraction

from emo.errors import EmoError

SAMPLE_RATE = 16000
"""Hz at which voices are synthesized, separated and measured."""

MAX_FPS = 240
# What a container can store. It also turns the float 30000/1001 = 29.97002997002997 back into 30000/1001.
MAX_DENOMINATOR = 100_000


def as_fps(value: int | float | str | Fraction) -> Fraction:
    """Read a frame rate in frames per second exactly: 25, 29.97 (= 2997/100), "30000/1001", Fraction(24000, 1001).

    Floats are taken by their decimal text; denominators are held to at most 100 000.

    Raises:
        EmoError: if `value` is no number, not above 0, or above 240.
    """
    try:
        fps = Fraction(str(value)).limit_denominator(MAX_DENOMINATOR)
    except (ValueError, ZeroDivisionError):
        raise EmoError(f"fps {value!r} is not a frame rate; give a number such as 25, 29.97 or 30000/1001") from None
    if not 0 < fps <= MAX_FPS:
        raise EmoError(f"fps {value} is out of range; give a rate above 0 and at most {MAX_FPS}")
    return fps


def num_frames(num_samples: int, sample_rate: int, fps: Fraction) -> int:
    """Count the video frames that cover a recording: ceil(num_samples * fps / sample_rate), in integer arithmetic.

    `num_samples` and `sample_rate` (Hz) are those of the source, before resampling.
    """
    return -(-num_samples * fps.numerator // (sample_rate * fps.denominator))
