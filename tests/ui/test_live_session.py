"""A live session: sound in pieces of any kind goes in, pictures come out, and whatever ends it frees the pipeline."""

import time
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from tiny import noise, tiny_vasa

from emo.arriving import Arriving
from emo.pipelines.motion_options import VASAOptions
from emo.ui import Limits
from emo.ui.due_frames import DueFrames
from emo.ui.jobs import Jobs
from emo.ui.live import ASKING, LIVE, LOOKING, LiveSession, LiveSessions
from emo.ui.request import Request
from emo.ui.words import OPTIONS, FieldError

PIECE = noise(0.1)
LONG = 30.0  # seconds


class FakeClip(list):
    def each(self):
        return iter(self)


class FakeStream:
    """A black frame for every piece of sound; the pieces are kept."""

    fps = Fraction(25)

    def __init__(self, pipe, sound):
        self.pipe, self.sound = pipe, sound

    def __iter__(self):
        for piece in self.sound:
            while self.pipe.slow:
                time.sleep(0.01)
            if self.pipe.error is not None:
                raise self.pipe.error
            self.pipe.heard.append(piece)
            yield FakeClip([np.zeros((8, 8, 3), np.uint8)])


class FakePipe:
    options_class, default_size, slow, error = VASAOptions, 64, False, None

    def __init__(self):
        self.heard, self.asked = [], []

    def set_progress_bar_config(self, **_):
        pass

    def live(self, picture, sound, **options):
        self.asked.append(options)
        return FakeStream(self, sound)


@pytest.fixture
def fake():
    return FakePipe()


@pytest.fixture
def request_(image):
    return Request(image, None, 3, {"gaze": "0.5,0"})


def follow(session, piece=PIECE, pieces=1000, shown=None, until=lambda news: news.frame is not None):
    """A session's news, while its visitor speaks, up to one like this."""
    told, end = [], time.monotonic() + LONG
    for news in session.news():
        told.append(news)
        if until(news) or time.monotonic() > end:
            return told
        if news.stage in (ASKING, LIVE) and pieces:
            pieces -= 1
            assert session.hear(*piece, news.count if shown is None else shown)
    return told


def is_free(jobs) -> bool:
    if free := jobs._pipeline.acquire(timeout=LONG):
        jobs._pipeline.release()
    return free


@pytest.mark.parametrize(
    ("kind", "shape", "rate"),
    [("int16", "mono", 16000), ("float32", "mono", 44100), ("int16", "stereo", 48000), ("float64", "mono", 8000)],
)
def test_sound_of_any_kind_becomes_pictures(image, kind, shape, rate):
    samples = noise(0.25, rate)[0]
    samples = (samples * 32767).astype(kind) if kind == "int16" else samples.astype(kind)
    samples = np.stack([samples, samples]) if shape == "stereo" else samples
    jobs = Jobs(tiny_vasa(), Limits())
    session = LiveSession(jobs, Request(image, None, 0, {"steps": "1"}))
    told = follow(session, (samples, rate))
    assert [news.stage for news in told] == sorted((news.stage for news in told), key=(LOOKING, ASKING, LIVE).index)
    assert told[-1].frame.shape == (128, 128, 3)
    assert told[-1].frame.std() > 1
    assert is_free(jobs)


def test_the_fields_are_what_the_pipeline_is_asked_for(fake, request_):
    follow(LiveSession(Jobs(fake, Limits()), request_))
    assert fake.asked[0]["gaze"] == (0.5, 0.0)
    assert fake.asked[0]["generator"].initial_seed() == 3


def test_sound_that_is_not_drawn_in_time_is_dropped_and_told(fake, request_):
    session = LiveSession(Jobs(fake, Limits()), request_)
    fake.slow = True
    told = session.news()
    while next(told).stage != LIVE:
        session.hear(*PIECE, 0)
    for number in range(1, 58):
        session.hear(np.full(160, number, np.int16), 16000, 0)
        assert session._sound._queue.qsize() <= 10
    fake.slow = False
    news = next(news for news in told if fake.heard and fake.heard[-1][0][0] == 57)
    assert news.skipped
    heard = [samples[0] for samples, _ in fake.heard]
    assert heard == sorted(heard)
    assert len(heard) <= 12


def test_pictures_that_no_browser_has_shown_yet_are_not_followed_by_more(fake, request_):
    session = LiveSession(Jobs(fake, Limits()), request_)
    news_of = session.news()
    count, end = 0, time.monotonic() + 2.5
    for news in news_of:
        session.hear(*PIECE, 0)
        count = news.count
        if time.monotonic() > end:
            break
    assert count == 25
    session.hear(*PIECE, 25)
    assert any(news.count > 25 for news, _ in zip(news_of, range(50), strict=False) if session.hear(*PIECE, 25))


@pytest.mark.parametrize("way", ["stop", "leave"])
def test_who_stops_or_leaves_frees_the_pipeline(fake, request_, way):
    jobs = Jobs(fake, Limits())
    session = LiveSession(jobs, request_)
    news = session.news()
    while next(news).frame is None:
        session.hear(*PIECE, 0)
    assert jobs._pipeline.locked()
    if way == "stop":
        session.stop()
        assert list(news) == []
    else:
        news.close()
    assert is_free(jobs)
    session.join()
    assert not session._thread.is_alive()
    assert not session.hear(*PIECE, 0)


@pytest.mark.parametrize("limits", [Limits(sound=0.3), Limits(work=0.3 / 60)])
def test_the_time_is_up(fake, request_, limits):
    jobs = Jobs(fake, limits)
    with pytest.raises(FieldError, match=r"Stopped after 0\.3 s, the most this page allows"):
        follow(LiveSession(jobs, request_), until=lambda news: False)
    assert is_free(jobs)


def test_who_says_nothing_is_not_waited_for(fake, request_, monkeypatch):
    monkeypatch.setattr("emo.ui.live.ASKING_SECONDS", 0.2)
    with pytest.raises(FieldError, match="gave no microphone"):
        follow(LiveSession(Jobs(fake, Limits()), request_), pieces=0, until=lambda news: False)
    monkeypatch.setattr("emo.ui.live.ASKING_SECONDS", LONG)
    monkeypatch.setattr("emo.ui.live.SILENT_SECONDS", 0.2)
    with pytest.raises(FieldError, match="no sound comes"):
        follow(LiveSession(Jobs(fake, Limits()), request_), pieces=2, until=lambda news: False)


@pytest.mark.parametrize("error", [ValueError("a bug"), FieldError("emotion", "No.")])
def test_an_error_of_the_pipeline_ends_it(fake, request_, error):
    fake.error = error
    jobs = Jobs(fake, Limits())
    with pytest.raises(type(error), match=str(error)):
        follow(LiveSession(jobs, request_))
    assert is_free(jobs)


def test_what_is_wrong_with_the_portrait_or_an_option_is_told_before_any_sound(image, tmp_path):
    jobs = Jobs(tiny_vasa(), Limits())
    Image.new("RGB", (256, 256), "gray").save(tmp_path / "wall.png")
    for request, field, words in (
        (Request(None, None), "portrait", "Give a portrait"),
        (Request(str(tmp_path / "wall.png"), None), "portrait", "No face found"),
        (Request(image, None, 0, {"gaze": "up"}), "gaze", "Gaze"),
        (Request(image, None, 0, {"emotion": "sad"}), "emotion", "sad"),
    ):
        with pytest.raises(FieldError, match=words) as caught:
            follow(LiveSession(jobs, request), pieces=0, until=lambda news: False)
        assert caught.value.field == field
        assert is_free(jobs)


def test_a_busy_page_says_so(fake, request_, monkeypatch):
    monkeypatch.setattr("emo.ui.jobs.BUSY_SECONDS", 0.1)
    jobs = Jobs(fake, Limits())
    with jobs._pipeline, pytest.raises(FieldError, match="The page is busy") as caught:
        follow(LiveSession(jobs, request_))
    assert caught.value.field == OPTIONS
    assert fake.asked == []


def test_a_visitors_second_start_ends_his_first_and_no_other_ones(fake, request_, monkeypatch):
    sessions = LiveSessions(jobs := Jobs(fake, Limits()))
    first = sessions.start("a", request_)
    told = first.news()
    while next(told).frame is None:
        first.hear(*PIECE, 0)
    monkeypatch.setattr("emo.ui.jobs.BUSY_SECONDS", 0.1)
    with pytest.raises(FieldError, match="busy"):
        follow(sessions.start("b", request_))
    assert sessions.of("a") is first
    second = sessions.start("a", request_)
    assert list(told) == []
    assert follow(second)[-1].frame is not None
    sessions.end("a", first)  # which is not the one that is known by now
    assert sessions.with_ticket(second.ticket) is second
    assert sessions.with_ticket(first.ticket) is None
    sessions.end("a", second)
    assert sessions.of("a") is sessions.with_ticket(second.ticket) is None
    assert is_free(jobs)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def numbered(*numbers):
    return [np.full((1, 1, 3), number, np.uint8) for number in numbers]


def test_frames_come_evenly_and_late_ones_are_dropped():
    clock = Clock()
    frames = DueFrames(clock)
    frames.put(numbered(*range(1, 6)), Fraction(10))
    assert frames.take(1).max() == 1
    clock.now += 0.11
    assert frames.take(1).max() == 2
    clock.now += 0.25
    assert frames.take(1).max() == 4  # the third one's time is over
    frames.put(numbered(6), Fraction(10))
    clock.now = 100.41
    assert frames.take(1).max() == 5
    clock.now = 100.51
    assert frames.take(1).max() == 6


def test_a_clip_does_not_wait_long_for_the_one_before():
    clock = Clock()
    frames = DueFrames(clock)
    frames.put(numbered(1, 2, 3, 4), Fraction(10))
    frames.put(numbered(5), Fraction(10))
    assert frames.take(1).max() == 5


def test_frames_are_waited_for_so_long_and_not_after_the_end():
    frames = DueFrames()
    begun = time.monotonic()
    assert frames.take(0.1) is None
    assert time.monotonic() - begun >= 0.1
    frames.put(numbered(1), Fraction(10))
    frames.end()
    assert frames.take(LONG) is None


def test_what_waits_is_dropped_for_the_newest():
    things = Arriving(2)
    assert [things.put_newest(number) for number in range(5)] == [False, False, True, False, True]
    things.end()
    assert not things.put_newest(5)
    assert list(things) == [4]
