"""When the pictures of a video are shown, by its packets, none of them decoded."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from emo.errors import VideoError
from emo.media.demuxer import Media
from emo.media.rate import MAX_FPS, as_fps

MAX_HOLD = 600  # seconds for which a picture is held: more is a damaged timestamp
TIMED = ("mov,mp4", "matroska", "mpegts", "flv", "asf")  # formats that state the time of every picture
COARSE = Fraction(1, 1000)  # seconds: by clocks of such steps rates are stated that are not quite the ones meant
USUAL = tuple(Fraction(*rate) for rate in ((24000, 1001), (30000, 1001), (60000, 1001)))


@dataclass(frozen=True)
class Timing:
    """The times of a video's pictures, and the constant rate at which they are read.

    Attributes:
        ticks: times of all pictures, ascending, in steps of the file's clock; evenly spaced where the file states
            none.
        step: seconds of one.
        stated: whether the file states all.
        fps: pictures per second, exact: the file's own, or, where pictures are missing or their rate varies, the one
            that most of them keep.
        keyframes: ticks of those that stand alone.
        closed: whether none is shown before the keyframe that it follows.
        begins: whether the first packet is a keyframe.
    """

    ticks: Sequence[int]
    step: Fraction
    stated: bool
    fps: Fraction
    keyframes: Sequence[int]
    closed: bool
    begins: bool

    @classmethod
    def of(cls, media: Media) -> "Timing":
        """Read all packets of a file's pictures.

        Raises:
            VideoError: there are none, their rate is not known, or their times cannot be right.
        """
        stream = media.video
        assert stream is not None
        step = stream.time_base
        packets = [(p.pts, p.is_keyframe) for p in media.packets(stream) if p.size and not p.is_discard]
        average = Fraction(stream.average_rate or stream.guessed_rate or 0)  # Ogg states no average
        timed = [(time, is_keyframe) for time, is_keyframe in packets if time is not None]
        stated = media.format.startswith(TIMED) and step is not None and len(timed) == len(packets)
        if not packets or not (average or (stated and len(packets) > 1)):
            raise VideoError(f"{media.path} holds no frames that can be decoded; check that it plays")
        if not stated or step is None:
            return cls(range(len(packets)), 1 / average, False, average, (), False, packets[0][1])
        ticks = sorted(time for time, _ in timed)
        if any((later - tick) * step > MAX_HOLD for tick, later in pairwise(ticks)):
            raise VideoError(
                f"{media.path} has {len(packets)} pictures in {float((ticks[-1] - ticks[0]) * step):.0f} seconds; its "
                "timestamps are damaged"
            )
        closed = True
        keyframe = timed[0][0]
        for time, is_keyframe in timed:
            keyframe = time if is_keyframe else keyframe
            closed = closed and time >= keyframe
        keyframes = sorted(time for time, is_keyframe in timed if is_keyframe)
        return cls(ticks, step, True, _rate(ticks, step, average), keyframes, closed, timed[0][1])

    @property
    def seconds(self) -> Fraction:
        """From the first picture to the end of the last."""
        return (self.ticks[-1] - self.ticks[0]) * self.step + 1 / self.fps

    def shown(self) -> Sequence[int]:
        """For every frame of the constant rate the number of the picture that is shown in the middle of it."""
        if _is_even(self.ticks, self.step, self.fps):
            return range(len(self.ticks))
        half = 1 / (2 * self.fps * self.step)  # a frame, in ticks
        middles = (
            self.ticks[0] + (2 * number + 1) * half.numerator // half.denominator
            for number in range(round(self.seconds * self.fps))
        )
        return [bisect_right(self.ticks, middle) - 1 for middle in middles]


def _rate(ticks: Sequence[int], step: Fraction, average: Fraction) -> Fraction:
    """The rate of pictures at `ticks` of `step` seconds, of which their file says `average`."""
    if average and _is_even(ticks, step, average):
        meant = (rate for rate in USUAL if abs(rate - average) <= average / 10_000 and _is_even(ticks, step, rate))
        return next(meant, average) if step >= COARSE else average  # FLV says 989/33 of 30000/1001
    seconds = (ticks[-1] - ticks[0]) * step
    if not seconds:
        return average or Fraction(25)
    mean = (len(ticks) - 1) / seconds
    if not _is_even(ticks, step, mean):
        gaps = sorted(later - tick for tick, later in pairwise(ticks) if later > tick)
        middle = gaps[len(gaps) // 2]
        alike = [gap for gap in gaps if abs(gap - middle) <= 1]  # a coarse clock rounds them up and down
        one = Fraction(sum(alike), len(alike))
        fitting = [(gap, round(gap / one)) for gap in gaps if abs(gap - round(gap / one) * one) <= 1]
        # over more time: exacter
        mean = sum(number for _, number in fitting) / (sum(gap for gap, _ in fitting) * step)
    mean = min(max(mean, Fraction(1)), Fraction(MAX_FPS))
    near = [rate for rate in (Fraction(round(mean)), *USUAL) if abs(rate - mean) <= mean / 500]
    return min(near, key=lambda rate: abs(rate - mean)) if near else as_fps(float(mean))


def _is_even(ticks: Sequence[int], step: Fraction, fps: Fraction) -> bool:
    """Whether no picture is further from its place at a constant rate than half a frame."""
    frame = 1 / (fps * step)  # in ticks; all that follows is whole numbers, since there may be many
    over, under, start = frame.numerator, frame.denominator, ticks[0]
    return all(2 * abs((tick - start) * under - number * over) < over for number, tick in enumerate(ticks))
