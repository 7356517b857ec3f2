"""A session without a server: what is drawn and not taken is dropped by an interruption, the rest is one video."""

import io
import time

import av
import numpy as np
import pytest
from fake_live import FakePipe
from live_clients import LONG, tone
from PIL import Image

from emo.pipelines.motion_options import VASAOptions
from emo.serve.protocol import Start
from emo.serve.session import Session


@pytest.fixture
def session():
    """`session(**start)` -> one that is stopped after the test."""
    opened = []

    def open_session(**start):
        picture = Image.new("RGB", (32, 32))
        opened.append(Session(FakePipe(), picture, VASAOptions(), Start(**{"rate": 16000, "delay": 30.0} | start)))
        return opened[-1]

    yield open_session
    for each in opened:
        each.stop()


def wait_for(what) -> None:
    end = time.monotonic() + LONG
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def shades(parts: list[bytes]) -> list[float]:
    with av.open(io.BytesIO(b"".join(parts))) as container:
        return [float(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]


def test_frames_that_were_drawn_and_not_sent_are_dropped(session):
    live = session(idle=False)
    live.hear(tone(0.8, 2.0))
    fragments = live.fragments()
    parts = [next(fragments).content]
    wait_for(lambda: live._clips.full)  # nobody takes them
    live.interrupt()
    live.hear(tone(0.3, 0.32))
    live.end()
    rest = list(fragments)
    assert rest[0].interrupted
    assert rest[0].seconds == pytest.approx(1024 / 48000)  # the video has no gap
    assert not any(each.interrupted for each in rest[1:])
    seen = np.array(shades([*parts, *(each.content for each in rest)]))
    assert seen.max() < 100
    assert (np.abs(seen - 0.3 * 255) < 20).sum() in (8, 9)


def test_when_the_first_sound_of_a_fragment_was_given_is_told(session):
    live = session(idle=False)
    live.hear(tone(0.5, 0.64))
    live.end()
    before = time.monotonic()
    rest = list(live.fragments())
    since = [each.since for each in rest if each.since is not None]
    assert [each.frames for each in rest] == [0, 8, 8, 0]
    assert before <= since[0] < since[1] <= time.monotonic()
    assert since[1] - since[0] == pytest.approx(0.32, abs=0.15)
    assert since[1] - since[0] >= 0.2


def test_whoever_leaves_ends_the_drawing(session):
    live = session()
    fragments = live.fragments()
    for _ in range(2):
        next(fragments)
    fragments.close()
    assert not live._thread.is_alive()


def test_stopping_ends_the_fragments(session):
    live = session(idle=False)
    fragments = live.fragments()
    next(fragments)
    live.stop()
    assert list(fragments) == []
