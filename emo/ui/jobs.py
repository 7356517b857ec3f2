"""One generation at a time, in a thread of its own: told step by step, and stopped when nobody wants it any more."""

import logging
import math
import queue
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emo.generation import Clip as GeneratedClip
from emo.generation import fingerprint, write_video
from emo.ui.frames import PreviewFrames, VideoPreview
from emo.ui.limits import Limits
from emo.ui.request import Request, open_request, read_request
from emo.ui.words import OPTIONS, FieldError

POLL_SECONDS = 0.5  # seconds without news after which the last news is told again: only there can a listener leave
IDLE_TIMEOUT = 30.0  # seconds after which a job that nobody asks about is given up
BUSY_SECONDS = 2.0  # seconds for the last step of a stopped job, after which the pipeline is in use

logger = logging.getLogger(__name__)


class JobAbandoned(Exception):
    """Nobody wants the video any more."""


@dataclass(frozen=True)
class JobProgress:
    """A generation as it stands.

    Attributes:
        done: denoising steps so far.
        steps: all of them.
        frames: finished frames so far.
        num_frames: all of them.
        seconds: of work so far.
    """

    done: int = 0
    steps: int = 0
    frames: int = 0
    num_frames: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class JobResult:
    """The video, in a file that is gone when the listener leaves.

    Attributes:
        path: the file.
        num_frames: its frames.
        fps: frames per second.
        seconds: of work that it took.
    """

    path: Path
    num_frames: int
    fps: float
    seconds: float


class Jobs:
    """Generations on one pipeline, one after the other.

    Args:
        pipe: the pipeline, of any system.
        limits: what one generation may ask for.
        speaker: who speaks texts; None where the page takes none.
    """

    def __init__(self, pipe: Any, limits: Limits, speaker: str | None = None):
        self.pipe = pipe
        self.speaker = speaker
        self.limits = limits
        self.options = getattr(pipe, "own_options", pipe.options_class)  # some models have defaults of their own
        self._pipeline = threading.Lock()
        pipe.set_progress_bar_config(disable=True)

    @property
    def size(self) -> int:
        """Pixels of the pictures' sides."""
        return self.pipe.default_size

    @contextmanager
    def pipeline_at_once(self) -> Iterator[Any]:
        """The pipeline, for the context alone.

        Raises:
            FieldError: somebody else uses it.
        """
        if not self._pipeline.acquire(timeout=BUSY_SECONDS):
            raise FieldError(OPTIONS, "The page is busy: somebody else uses it just now. Try again in a moment.")
        try:
            yield self.pipe
        finally:
            self._pipeline.release()

    def generate(self, request: Request) -> Iterator[JobProgress | VideoPreview | JobResult]:
        """Tell a generation as it goes on, at least every POLL_SECONDS seconds. The last that comes is `JobResult`.

        Closing the iterator stops the work at the next denoising step. Whatever the end, no file stays.

        Raises:
            FieldError: a field is wrong, or the time is up.
        """
        job = _Job(self, request)
        job.thread.start()
        step = JobProgress()
        try:
            while not isinstance(step, JobResult):
                job.asked = time.monotonic()
                with suppress(queue.Empty):
                    news = job.news.get(timeout=POLL_SECONDS)
                    if isinstance(news, BaseException):
                        raise news
                    if isinstance(news, VideoPreview):
                        yield news
                        continue
                    step = news
                yield step
        finally:
            job.left.set()


class _Job:
    """The thread's side.

    Attributes:
        asked: when the listener last asked.
        left: set when it has gone.
        started: when the pipeline was free for it.
    """

    def __init__(self, jobs: Jobs, request: Request):
        self.jobs = jobs
        self.request = request
        self.news: queue.SimpleQueue = queue.SimpleQueue()
        self.left = threading.Event()
        self.asked = time.monotonic()
        self.started = math.inf
        self.so_far = PreviewFrames()
        self.progress = JobProgress()
        self.thread = threading.Thread(target=self._run, name="generation", daemon=True)

    def _run(self) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="emo-job-") as folder:
                finished = self._generate(Path(folder))
                self.news.put(finished)
                while not self._is_abandoned():
                    self.left.wait(POLL_SECONDS)
        except JobAbandoned:
            logger.info("a generation was stopped after %d of %d steps", self.progress.done, self.progress.steps)
        except BaseException as error:
            self.news.put(error)

    def _generate(self, folder: Path) -> JobResult:
        path, recording = folder / "emo.mp4", folder / "recording"
        recording.mkdir()
        uploads = read_request(self.request, self.jobs.options, self.jobs.limits, recording, self.jobs.speaker)
        self._check()
        while not self.jobs._pipeline.acquire(timeout=POLL_SECONDS):  # a stopped job may still be in its last step
            self._check()
        try:
            self.started = time.monotonic()
            self._check()
            stream = open_request(self.jobs.pipe, self.request, uploads, self._on_step)
            try:
                self._report(steps=stream.num_clips * stream.options.num_inference_steps, num_frames=stream.num_frames)
                marks = fingerprint(stream, self.request.seed)
                write_video(stream, path, fingerprint=marks, frames_of=self._frames_of)
            finally:
                stream.audio.close()
            return JobResult(path, stream.num_frames, float(stream.fps), time.monotonic() - self.started)
        finally:
            self.jobs._pipeline.release()

    def _frames_of(self, clip: GeneratedClip) -> Iterator[np.ndarray]:
        """A clip's frames on their way to the video; some are kept to be shown."""
        end = self.so_far.count + len(clip)
        for frame in clip.each():
            self._check()
            self.so_far.add(frame)
            if self.so_far.count == end:
                self.news.put(self.so_far.clip(frame))
                self._report(frames=end)
            yield frame
            del frame  # before the next one is made

    def _on_step(self, pipe, step: int, timestep, tensors: dict) -> None:
        self._check()
        self._report(done=step + 1)

    def _report(self, **changes) -> None:
        self.progress = replace(self.progress, seconds=time.monotonic() - self.started, **changes)
        self.news.put(self.progress)

    def _is_abandoned(self) -> bool:
        return self.left.is_set() or time.monotonic() - self.asked > IDLE_TIMEOUT

    def _check(self) -> None:
        if self._is_abandoned():
            raise JobAbandoned
        most = self.jobs.limits.work
        if most is not None and time.monotonic() - self.started > 60 * most:
            raise FieldError(
                OPTIONS,
                f"Stopped after {60 * most:g} s, the most this page allows: give a shorter recording or fewer steps.",
            )
