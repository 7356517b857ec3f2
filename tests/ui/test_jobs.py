"""Generations told step by step, stopped at the next step, and no file left in the end."""

import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from emo.generation import clip as generated
from emo.media import VideoReader, read_origin
from emo.ui import Limits, jobs
from emo.ui.frames import VideoPreview
from emo.ui.jobs import JobProgress, JobResult, Jobs
from emo.ui.request import Request
from emo.ui.words import FieldError


@pytest.fixture
def request_of(image, sound):
    """A video of 10 frames: three clips."""

    def make(portrait=image, recording=None, seed=0, **options) -> Request:
        return Request(portrait, recording or sound(), seed, {"steps": 2, "audio_guidance": 1} | options)

    return make


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def wait_for_the_end(seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while any(thread.name == "generation" for thread in threading.enumerate()):
        assert time.monotonic() < end, "a generation goes on"
        time.sleep(0.02)


def test_a_generation_is_told_as_it_goes_on(pipe, request_of, folder):
    news, kept = [], []
    for item in Jobs(pipe, Limits()).generate(request_of(seed=5)):
        if isinstance(item, JobResult):
            kept.append((read_origin(item.path)["seed"], VideoReader(item.path).num_frames))
        news.append(item)
    steps = [item for item in news if isinstance(item, JobProgress)]
    clips = [item for item in news if isinstance(item, VideoPreview)]
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert (set(done), steps[-1].steps, steps[-1].frames) == (set(range(7)), 6, 10)
    assert [clip.num_frames for clip in clips] == [4, 8, 10]
    assert news.index(clips[0]) < news.index(next(step for step in steps if step.done == 3))
    assert isinstance(news[-1], JobResult)
    assert kept == [(5, 10)]
    wait_for_the_end()
    assert list(folder.iterdir()) == []


def test_who_leaves_stops_the_work_at_the_next_step(pipe, request_of, folder, monkeypatch):
    made = []
    original = jobs._Job._on_step

    def counted(*values):
        made.append(1)
        original(*values)

    monkeypatch.setattr(jobs._Job, "_on_step", counted)
    run = Jobs(pipe, Limits()).generate(request_of(steps=100))
    while next(run).done < 3:
        pass
    assert list(folder.glob("emo-job-*"))
    before = len(made)
    run.close()
    wait_for_the_end()
    assert len(made) <= before + 3  # those made before the news of them was read, and the one that saw it
    assert list(folder.iterdir()) == []


def test_the_next_one_starts_when_the_stopped_one_has_ended(pipe, request_of, folder):
    work = Jobs(pipe, Limits())
    stopped = work.generate(request_of(steps=100))
    while next(stopped).done < 1:
        pass
    stopped.close()
    assert [isinstance(news, JobResult) for news in work.generate(request_of())][-1]
    wait_for_the_end()
    assert list(folder.iterdir()) == []


def test_the_pipeline_does_one_at_a_time(pipe, request_of, folder, monkeypatch):
    at_work, most = [], []
    original = jobs.write_video

    def counted(*values, **named):
        at_work.append(1)
        most.append(len(at_work))
        original(*values, **named)
        at_work.pop()

    monkeypatch.setattr(jobs, "write_video", counted)
    work, ends = Jobs(pipe, Limits()), []
    requests = [request_of() for _ in range(3)]  # here, for each writes the same file of sound
    listeners = [
        threading.Thread(target=lambda request=request: ends.append([*work.generate(request)][-1]), name=f"user {i}")
        for i, request in enumerate(requests)
    ]
    for thread in listeners:
        thread.start()
    for thread in listeners:
        thread.join(60)
    assert [type(end) for end in ends] == [JobResult] * 3
    assert most == [1, 1, 1]


def test_nobody_asks(pipe, request_of, folder, monkeypatch):
    monkeypatch.setattr(jobs, "IDLE_TIMEOUT", 0.3)
    run = Jobs(pipe, Limits()).generate(request_of(steps=100))
    next(run)
    wait_for_the_end()
    assert list(folder.iterdir()) == []
    del run


def test_the_time_is_up(pipe, request_of, folder):
    with pytest.raises(FieldError, match=r"Stopped after 0\.06 s") as error:
        list(Jobs(pipe, Limits(work=0.001)).generate(request_of(steps=100)))
    assert error.value.field == "options"
    wait_for_the_end()
    assert list(folder.iterdir()) == []


def test_every_frame_is_made_once(pipe, request_of, folder, monkeypatch):
    made = []
    original = generated.each_frame

    def counted(*values):
        for frame in original(*values):
            made.append(frame.shape)
            yield frame

    monkeypatch.setattr(generated, "each_frame", counted)
    clips = [
        news for news in Jobs(pipe, Limits()).generate(request_of(paste_back=True)) if isinstance(news, VideoPreview)
    ]
    assert made == [(512, 512, 3)] * 10
    assert len(clips[-1].kept) == 10


def test_reading_the_uploads_holds_up_nobody(pipe, request_of, folder, monkeypatch):
    slow, read = request_of(seed=1), threading.Event()
    original = jobs.read_request

    def slowly(request, *values):
        if request is slow:
            assert read.wait(30)
        return original(request, *values)

    monkeypatch.setattr(jobs, "read_request", slowly)
    work = Jobs(pipe, Limits())
    news = work.generate(slow)
    assert next(news) == JobProgress()
    assert isinstance([*work.generate(request_of())][-1], JobResult)
    read.set()
    assert isinstance([*news][-1], JobResult)


def test_waiting_and_reading_are_no_work(pipe, request_of, folder, monkeypatch):
    later = [0]
    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + sum(later)))
    monkeypatch.setattr(jobs, "IDLE_TIMEOUT", 1e9)
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.05)
    original = jobs.read_request
    monkeypatch.setattr(jobs, "read_request", lambda *values: later.append(1000) or original(*values))
    work = Jobs(pipe, Limits(work=10))
    with work._pipeline:
        news = work.generate(request_of())
        assert next(news) == JobProgress()
        later.append(1000)
        assert [next(news) for _ in range(5)] == [JobProgress()] * 5
    assert [*news][-1].seconds < 1000


def test_who_leaves_while_uploads_are_read_takes_no_turn(pipe, request_of, folder, monkeypatch):
    left = threading.Event()
    original = jobs.read_request
    monkeypatch.setattr(jobs, "read_request", lambda *values: original(*values) if left.wait(30) else None)
    monkeypatch.setattr(jobs, "open_request", lambda *_: pytest.fail("it goes on"))
    work = Jobs(pipe, Limits())
    news = work.generate(request_of())
    next(news)
    news.close()
    with work._pipeline:
        left.set()
        wait_for_the_end()
    assert list(folder.iterdir()) == []


def test_slow_work_still_pulses(pipe, request_of, folder, monkeypatch):
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(jobs, "open_request", lambda *_: time.sleep(0.5) or 1 / 0)
    news = Jobs(pipe, Limits()).generate(request_of())
    assert [next(news) for _ in range(6)] == [JobProgress()] * 6
    with pytest.raises(ZeroDivisionError):
        list(news)
    assert list(Path(folder).iterdir()) == []
