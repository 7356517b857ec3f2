"""Sound on its way to the model, by a clock that goes on where the model waits."""

import numpy as np
import pytest

from emo.media import INTERRUPTION
from emo.serve.paced_sound import CATCHING_UP_SECONDS, LATE_SECONDS, PIECE_SECONDS, PacedSound, Stopped

RATE = 1000


class Paced:
    """A sound, its clock, and what it gave: (when, samples) each.

    `events` are done when their time comes, in order: (time, function).
    """

    def __init__(self, delay=10.0, idle=True):
        self.now, self.events, self.waited = 0.0, [], []
        self.sound = PacedSound(RATE, delay, idle, self.waited.append, lambda: self.now)
        self.sound._changed.wait = self.wait
        self.chunks = iter(self.sound)

    def wait(self, seconds=None):
        until = np.inf if seconds is None else self.now + seconds
        if self.events and self.events[0][0] <= until:
            when, do = self.events.pop(0)
            self.now = max(self.now, when)
            do()
        else:
            assert seconds is not None, "nothing would ever come"
            self.now = until + 1e-9

    def given(self, until):
        """What is given up to a time."""
        got = []
        while self.now < until and (chunk := next(self.chunks, None)) is not None:
            got.append((self.now, chunk if chunk is INTERRUPTION else chunk[0]))
        return got


def ramp(seconds, start=1.0):
    return np.arange(start, start + round(seconds * RATE), dtype=np.float32)


def joined(given):
    return np.concatenate([samples for _, samples in given if samples is not INTERRUPTION])


def test_sound_comes_in_order_and_never_before_its_time():
    paced = Paced()
    paced.sound.hear(ramp(1.0))
    given = paced.given(0.95)
    np.testing.assert_array_equal(joined(given), ramp(1.0)[: len(joined(given))])
    heard = 0
    for when, samples in given:
        assert when == pytest.approx(heard / RATE, abs=1e-6)
        heard += len(samples)
    assert heard / RATE == pytest.approx(1.0, abs=PIECE_SECONDS)


def test_where_no_sound_comes_there_is_silence():
    given = Paced().given(1.0)
    assert not joined(given).any()
    assert len(joined(given)) / RATE == pytest.approx(1.0, abs=2 * PIECE_SECONDS)


def test_without_idling_nothing_is_given_and_what_comes_late_is_not_hurried_for_more_than_a_moment():
    paced = Paced(idle=False)
    paced.events = [(20.0, lambda: paced.sound.hear(ramp(3.0)))]
    given = paced.given(21.0)
    assert given[0][0] == 20.0
    at_once = sum(len(samples) for when, samples in given if when < 20.01) / RATE
    assert at_once == pytest.approx(CATCHING_UP_SECONDS, abs=2 * PIECE_SECONDS)


def test_a_speaker_who_is_a_little_late_is_not_cut():
    paced = Paced()
    late = LATE_SECONDS - 0.01
    paced.sound.hear(ramp(0.1))
    paced.events = [(0.1 + late, lambda: paced.sound.hear(ramp(0.1, 101)))]
    np.testing.assert_array_equal(joined(paced.given(0.3))[:200], ramp(0.2))


def test_after_a_pause_silence_catches_up():
    paced = Paced()
    paced.sound.hear(ramp(0.1))
    given = paced.given(1.0)
    np.testing.assert_array_equal(joined(given)[:100], ramp(0.1))
    assert not joined(given)[100:].any()
    assert len(joined(given)) / RATE == pytest.approx(1.0, abs=2 * PIECE_SECONDS)


def test_of_more_than_may_wait_the_oldest_is_dropped():
    paced = Paced(delay=0.5)
    assert paced.sound.hear(ramp(0.4)) == 0
    assert paced.sound.hear(ramp(0.3, 401)) == pytest.approx(0.2)
    np.testing.assert_array_equal(joined(paced.given(0.49))[:500], ramp(0.5, 201)[:500])


def test_after_drawing_too_slowly_sound_that_waits_follows_at_once():
    paced = Paced()
    paced.sound.hear(ramp(2.0))
    next(paced.chunks)
    paced.now = 1.0  # drawing took so long
    given = paced.given(1.001)
    assert len(joined(given)) / RATE == pytest.approx(1.0, abs=2 * PIECE_SECONDS)


def test_how_long_sound_waited_is_told():
    paced = Paced()
    paced.sound.hear(ramp(0.2))
    paced.given(0.1)
    assert paced.waited == pytest.approx([0.0, 0.04, 0.08, 0.12], abs=1e-6)


def test_an_interruption_drops_what_waits_and_mutes_what_is_in_no_frame():
    paced = Paced()
    paced.sound.hear(ramp(1.0))
    before = paced.given(0.3)
    in_frames, _ = paced.sound.taken(80)
    np.testing.assert_array_equal(in_frames, ramp(0.08))
    waiting = 1.0 - len(joined(before)) / RATE
    assert paced.sound.interrupt() == pytest.approx(waiting)
    assert paced.sound.interrupted
    assert next(paced.chunks) is INTERRUPTION
    assert not paced.sound.interrupted
    after, _ = paced.sound.taken(len(joined(before)) - 80)
    assert not after.any()
    paced.sound.hear(ramp(0.1, 5000))
    np.testing.assert_array_equal(joined(paced.given(0.45))[:100], ramp(0.1, 5000))


def test_frames_that_are_not_shown_are_made_up_for():
    paced = Paced()
    paced.given(1.0)
    paced.sound.hurry(0.32)
    given = [next(paced.chunks)[0] for _ in range(8)]
    assert paced.now < 1.0 + 2 * PIECE_SECONDS
    assert len(np.concatenate(given)) == 320


def test_what_was_given_can_be_taken_by_any_number_and_knows_when_it_was_given():
    paced = Paced()
    paced.sound.hear(ramp(0.2))
    paced.given(0.19)
    first, since = paced.sound.taken(30)
    second, later = paced.sound.taken(100)
    np.testing.assert_array_equal(np.concatenate([first, second]), ramp(0.13))
    assert (since, later) == pytest.approx((0.0, 0.0), abs=1e-6)
    rest, since = paced.sound.taken(100)
    np.testing.assert_array_equal(rest, [*ramp(0.07, 131), *np.zeros(30)])
    assert since == pytest.approx(0.12, abs=1e-6)


def test_it_ends_after_what_has_come():
    paced = Paced()
    paced.sound.hear(ramp(0.1))
    paced.sound.end()
    paced.sound.hear(ramp(0.1))  # too late
    np.testing.assert_array_equal(joined(paced.given(5.0)), ramp(0.1))


def test_who_stops_it_gets_nothing_more():
    paced = Paced()
    paced.sound.hear(ramp(0.1))
    paced.sound.stop()
    with pytest.raises(Stopped):
        next(paced.chunks)
