"""The rate of a video and the picture that is shown at any time, whatever is missing and however coarse its clock."""

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_helpers import patches, write_video

from emo.data.prepare.probe import probe
from emo.errors import VideoError
from emo.media import VideoReader
from emo.media.timing import Timing

RATES = [
    Fraction(r) for r in ("10", "15", "24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "120")
]
CLOCKS = {"mp4": Fraction(1, 90000), "matroska": Fraction(1, 1000), "mpegts": Fraction(1, 90000)}


def media(times: list[Fraction], step: Fraction, average: Fraction, *, format: str = "mov,mp4,m4a") -> SimpleNamespace:
    """What `Timing` asks of a file: its packets, a key picture every 10."""
    packets = [
        SimpleNamespace(pts=round(time / step), size=1, is_keyframe=number % 10 == 0, is_discard=False)
        for number, time in enumerate(times)
    ]
    stream = SimpleNamespace(time_base=step, average_rate=average, guessed_rate=average)
    return SimpleNamespace(video=stream, format=format, path=Path("a.mp4"), packets=lambda _: iter(packets))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_pictures_are_shown_when_they_are_due(data):
    rate, step = data.draw(st.sampled_from(RATES)), data.draw(st.sampled_from(sorted(CLOCKS.values())))
    count = data.draw(st.integers(20, 80)) + (round(rate) if step == CLOCKS["matroska"] else 0)
    lost = data.draw(st.sets(st.integers(1, count - 1), max_size=count // 3))
    kept = [number for number in range(count) if number not in lost]
    start = data.draw(st.fractions(0, 3))
    times = [start + number / rate for number in kept]
    average = Fraction(len(kept)) / (times[-1] - times[0] + 1 / rate) if lost else rate
    timing = Timing.of(media(times, step, average))
    shown = list(timing.shown())
    if shown == list(range(len(kept))):  # nothing is missing, or what is spreads over its neighbors
        assert all(abs(time - times[0] - n / timing.fps) < 1 / (2 * timing.fps) + step for n, time in enumerate(times))
        return
    assert timing.fps == rate or (step == CLOCKS["matroska"] and abs(timing.fps - rate) <= rate / 500)
    assert len(shown) == kept[-1] + 1
    assert [kept[number] for number in shown] == [kept[bisect_right(kept, n) - 1] for n in range(kept[-1] + 1)]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(RATES), st.lists(st.floats(-0.3, 0.3), min_size=10, max_size=80))
def test_jitter_moves_no_picture(rate, jitter):
    times = [1 + (number + Fraction(shift) * (number > 0)) / rate for number, shift in enumerate(jitter)]
    timing = Timing.of(media(times, Fraction(1, 90000), rate))
    assert timing.fps == rate
    assert list(timing.shown()) == list(range(len(jitter)))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(RATES[2:]), st.integers(3, 300))
def test_a_clock_of_milliseconds_varies_nothing(rate, count):
    times = [Fraction(round(number / rate * 1000), 1000) for number in range(count)]
    timing = Timing.of(media(times, Fraction(1, 1000), rate, format="matroska,webm"))
    assert (timing.fps, list(timing.shown())) == (rate, list(range(count)))


@pytest.mark.parametrize("rate", [30, 60, 120])
def test_a_coarse_clock_with_many_pictures_missing(rate):
    kept = [number for number in range(2 * rate) if number % 3 != 1 or number < 9]
    times = [Fraction(round(Fraction(1000 * number, rate)), 1000) for number in kept]
    timing = Timing.of(media(times, Fraction(1, 1000), Fraction(rate * 2, 3), format="matroska,webm"))
    assert timing.fps == rate


def test_a_rate_that_changes_takes_the_usual_one():
    """A telephone that slows down in the dark: 30 a second, and then 20."""
    times = [Fraction(n, 30) for n in range(60)] + [2 + Fraction(n, 20) for n in range(20)]
    timing = Timing.of(media(times, Fraction(1, 90000), Fraction(80, 3)))
    assert timing.fps == 30
    shown = list(timing.shown())
    assert len(shown) == round((3 - Fraction(1, 20) + Fraction(1, 30)) * 30)
    assert all(times[number] <= Fraction(2 * i + 1, 60) for i, number in enumerate(shown))
    assert all(later - earlier in (0, 1) for earlier, later in pairwise(shown))


def test_order_of_decoding_is_not_order_of_showing():
    times = [Fraction(n, 25) for n in (0, 3, 1, 2, 6, 4, 5, 7)]
    timing = Timing.of(media(times, Fraction(1, 90000), Fraction(25)))
    assert ([tick * timing.step for tick in timing.ticks], timing.fps) == (sorted(times), 25)
    assert list(timing.shown()) == list(range(8))


def test_pictures_before_their_keyframe_are_noticed():
    closed = [Fraction(n, 25) for n in range(20)]
    opened = [*closed[:8], closed[10], closed[8], closed[9], *closed[11:]]  # the 10th packet would be shown before
    opened[8:11] = [closed[8], closed[9], closed[10]]
    assert Timing.of(media(closed, Fraction(1, 90000), Fraction(25))).closed
    leading = [*[Fraction(n, 25) for n in range(10)], Fraction(12, 25), Fraction(10, 25), Fraction(11, 25)]
    assert not Timing.of(media(leading, Fraction(1, 90000), Fraction(25))).closed


def test_without_times_pictures_are_even():
    timing = Timing.of(media([Fraction(n, 25) for n in (0, 5, 9)], Fraction(1, 25), Fraction(25), format="avi"))
    assert not timing.stated
    assert [tick * timing.step for tick in timing.ticks] == [0, Fraction(1, 25), Fraction(2, 25)]


def test_damaged_times_are_told(tmp_path):
    with pytest.raises(VideoError, match=r"a\.mp4 has 20 pictures in 9\d* seconds; its timestamps are damaged"):
        Timing.of(media([*[Fraction(n, 25) for n in range(19)], Fraction(90_000)], Fraction(1, 90000), Fraction(25)))
    with pytest.raises(VideoError, match="no frames"):
        Timing.of(media([], Fraction(1, 90000), Fraction(25)))
    path = write_video(tmp_path / "b.mp4", patches(10), "-c:v", "libx264", "-use_editlist", 0)
    content = path.read_bytes()
    place = content.index(b"stts") + 12
    assert content[place - 4 : place] == (1).to_bytes(4, "big")  # all pictures last equally long
    path.write_bytes(content[: place + 4] + (1 << 24).to_bytes(4, "big") + content[place + 8 :])
    with pytest.raises(VideoError, match=r"b\.mp4 has 10 pictures in \d+ seconds"):
        VideoReader(path)
    assert "timestamps are damaged" in probe(path, 25).fault


def test_a_slideshow_is_a_video():
    timing = Timing.of(media([Fraction(3 * n) for n in range(5)], Fraction(1, 90000), Fraction(1, 3)))
    assert (timing.fps, list(timing.shown())) == (Fraction(1, 3), [0, 1, 2, 3, 4])


def test_long_pauses_do_not_take_memory():
    """Ten minutes of one picture are ten minutes of a number."""
    times = [Fraction(n, 25) for n in range(700)] + [Fraction(600) + Fraction(n, 25) for n in range(700)]
    timing = Timing.of(media(times, Fraction(1, 90000), Fraction(2)))
    shown = np.array(timing.shown())
    assert (timing.fps, len(shown)) == (25, 15700)
    assert (shown[700:15000] == 699).all()
