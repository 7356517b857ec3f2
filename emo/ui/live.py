"""A portrait that talks while its visitor speaks: sound comes in pieces, pictures go out when it is their time."""

import math
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emo.arriving import Arriving
from emo.ui.due_frames import DueFrames
from emo.ui.jobs import POLL_SECONDS, Jobs
from emo.ui.request import Request, open_live, read_picture
from emo.ui.words import OPTIONS, FieldError, field_errors

WAITING_PIECES = 10  # of sound, a tenth of a second each, that are not drawn yet; for one more all are dropped
UNSEEN_SECONDS = 1.0  # of pictures on their way to a browser, until which no more are sent
ASKING_SECONDS = 30.0  # for the visitor to allow the microphone
SILENT_SECONDS = 10.0  # without any sound, not even of silence, after which a session is over
ENDING_SECONDS = 10.0  # that a session waits for the end of its visitor's last one
TOLD_SECONDS = 5.0  # that it is told for that sound was skipped
LOOKING, ASKING, LIVE = "looking at the portrait", "waiting for the microphone", "live"


class SessionOver(Exception):
    """Nobody looks any more."""


@dataclass(frozen=True)
class LiveNews:
    """What there is to be shown.

    Attributes:
        stage: LOOKING, ASKING or LIVE: sound is wanted in the last two.
        frame: the picture whose time has come, uint8 (H, W, 3), if there is one.
        count: pictures so far.
        skipped: whether sound was dropped lately, as it came faster than pictures were drawn.
    """

    stage: str
    frame: np.ndarray | None
    count: int
    skipped: bool


class LiveSession:
    """One visitor's live video, from a start to its end.

    Args:
        jobs: whose pipeline is used, by nobody else meanwhile.
        request: the filled-in page; its recording is not looked at.
        before: the visitor's session before this one, which has been stopped.

    Attributes:
        ticket: a secret by which the browser's sound finds the session.
    """

    def __init__(self, jobs: Jobs, request: Request, before: "LiveSession | None" = None):
        self.ticket = secrets.token_urlsafe()
        self._jobs, self._request, self._before = jobs, request, before
        self._sound = Arriving(WAITING_PIECES)
        self._frames = DueFrames()
        self._stage = LOOKING
        self._first, self._over = threading.Event(), threading.Event()  # sound came; nothing is wanted any more
        self._heard = self._begun = self._skipped = -math.inf
        self._shown = 0
        self._fps = 0.0
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def hear(self, samples: np.ndarray, rate: int, shown: int) -> bool:
        """Take a piece of sound.

        Args:
            samples: (N,) or (channels, N), floats from -1 to 1 or int16.
            rate: in Hz.
            shown: the `count` of the last news that the visitor has seen by now.

        Returns:
            Whether more is wanted.
        """
        self._heard, self._shown = time.monotonic(), max(self._shown, shown)
        self._first.set()
        if self._stage == LIVE and self._sound.put_newest((samples, rate)):
            self._skipped = self._heard
        return not self._over.is_set()

    def stop(self, error: BaseException | None = None) -> None:
        """End it; `news` raises the error."""
        self._error = self._error or error
        self._over.set()
        self._first.set()
        self._sound.drop()
        self._sound.end(SessionOver())
        self._frames.end()

    def join(self) -> None:
        """Wait for the end of its thread, after `stop`."""
        if self._thread.ident is not None:
            self._thread.join(ENDING_SECONDS)

    def news(self) -> Iterator[LiveNews]:
        """Start it, and tell what there is to be shown, at least every POLL_SECONDS seconds, until it is over.

        Closing the iterator ends the session.

        Raises:
            FieldError: a field is wrong, the page is busy, there is no sound, or the time is up.
        """
        self._thread.start()
        count, frame = 0, None
        try:
            while not self._over.is_set():
                yield LiveNews(self._stage, frame, count, time.monotonic() - self._skipped < TOLD_SECONDS)
                self._check()
                frame = self._frames.take(POLL_SECONDS)
                if count - self._shown >= UNSEEN_SECONDS * self._fps:
                    frame = None
                count += frame is not None
        finally:
            self.stop()
        if self._error is not None:
            raise self._error

    def _check(self) -> None:
        """Stop where a limit is reached."""
        now, limits = time.monotonic(), self._jobs.limits
        most = min(limits.sound or math.inf, 60 * (limits.work or math.inf))
        if self._stage == LIVE and now - self._begun > most:
            self.stop(FieldError(OPTIONS, f"Stopped after {most:g} s, the most this page allows."))
        if self._stage == LIVE and now - self._heard > SILENT_SECONDS:
            self.stop(FieldError(OPTIONS, "Stopped, as no sound comes from the microphone any more."))

    def _run(self) -> None:
        try:
            picture, options = read_picture(self._request, self._jobs.options, self._jobs.limits)
            if self._before is not None:
                self._before.join()
                self._before = None
            with self._jobs.pipeline_at_once() as pipe:
                stream = open_live(pipe, picture, options, self._sound, self._request.seed)
                self._fps = float(stream.fps)
                self._wait_for_sound()
                with field_errors(OPTIONS):
                    for clip in stream:
                        self._frames.put(list(clip.each()), stream.fps)
        except SessionOver:
            pass
        except BaseException as error:
            self.stop(error)

    def _wait_for_sound(self) -> None:
        self._stage = ASKING
        if not self._first.wait(ASKING_SECONDS):
            raise FieldError(OPTIONS, f"Stopped, as the browser gave no microphone within {ASKING_SECONDS:g} s.")
        self._begun = self._heard = time.monotonic()
        self._stage = LIVE


class LiveSessions:
    """The live videos of a page's visitors, of each the last.

    Args:
        jobs: of the page.
    """

    def __init__(self, jobs: Jobs):
        self._jobs = jobs
        self._of_visitors: dict[str, LiveSession] = {}
        self._lock = threading.Lock()

    def start(self, visitor: str, request: Request) -> LiveSession:
        """A new session, whose `news` are to be asked for; the visitor's last one is stopped."""
        with self._lock:
            before = self._of_visitors.get(visitor)
            session = self._of_visitors[visitor] = LiveSession(self._jobs, request, before)
        if before is not None:
            before.stop()
        return session

    def end(self, visitor: str, session: LiveSession) -> None:
        """Forget a session that is over."""
        session.stop()
        with self._lock:
            if self._of_visitors.get(visitor) is session:
                del self._of_visitors[visitor]

    def of(self, visitor: str) -> LiveSession | None:
        """The visitor's session, if there is one."""
        return self._of_visitors.get(visitor)

    def with_ticket(self, ticket: str) -> LiveSession | None:
        """The session of this ticket, if there is one."""
        with self._lock:
            sessions = list(self._of_visitors.values())
        return next((each for each in sessions if secrets.compare_digest(each.ticket, ticket)), None)
