"""One client's live video: sound goes in, fragments come out, drawn in a thread of its own."""

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from emo.arriving import Arriving
from emo.media.fragments import FragmentEncoder
from emo.options import Options
from emo.serve.paced_sound import PacedSound, Stopped
from emo.serve.protocol import Start
from emo.ui.request import open_live

WAITING_CLIPS = 2  # that are drawn and not sent yet; then drawing waits
ENDING_SECONDS = 10.0  # that is waited for the end of drawing


@dataclass(frozen=True)
class Fragment:
    """What is to be sent next.

    Attributes:
        content: bytes of the video; the first of a session are its head.
        seconds: where its pictures begin in the video's time.
        frames: how many it has.
        since: when the first of its sound was given to be drawn, by the session's clock; None for the head.
        interrupted: whether it is the first after an interruption.
    """

    content: bytes
    seconds: float
    frames: int = 0
    since: float | None = None
    interrupted: bool = False


@dataclass(frozen=True)
class _Drawn:
    """A clip.

    Attributes:
        frames: uint8 (H, W, 3) each.
        sound: what is heard with them.
        since: when the first of it was given.
        turn: how many interruptions came before.
    """

    frames: list[np.ndarray]
    sound: np.ndarray
    since: float
    turn: int


class Session:
    """A live video, from a portrait to its end.

    Args:
        pipe: the pipeline, which other sessions use as well.
        picture: the portrait.
        options: of the model.
        start: what the client began with.
        waited: told how long each piece of sound had waited.
        clock: of the system, in seconds.

    Attributes:
        rate: of the sound, in Hz.
        fps: frames per second.
        size: height and width of the frames.
        mime: of the video, as `MediaSource` takes it.

    Raises:
        FieldError: the picture or an option cannot be used.
        OutputError: the frames are too large.
    """

    def __init__(
        self,
        pipe: Any,
        picture: Image.Image,
        options: Options,
        start: Start,
        waited: Callable[[float], object] = lambda seconds: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._sound = PacedSound(start.rate, start.delay, start.idle, waited, clock)
        self._stream = open_live(pipe, picture, options, self._sound, start.seed)
        self.rate = start.rate
        self.fps, self.size = self._stream.fps, self._stream.frame_size
        origin = self._stream.origin_of(())
        del origin["inputs"]["audio"]  # which is still to come
        self._encoder = FragmentEncoder(self.size, self.fps, start.rate, origin)
        self.mime = self._encoder.mime
        self._clips = Arriving(WAITING_CLIPS)
        self._turn = 0  # how many interruptions there were
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._draw, name="live session", daemon=True)

    def hear(self, samples: np.ndarray) -> float:
        """Take sound, float32 (N,); returns how many seconds of what waited were dropped for it."""
        return self._sound.hear(samples)

    def interrupt(self) -> float:
        """Drop sound that waits and frames that are not sent; returns how many seconds of sound waited."""
        with self._lock:
            self._turn += 1
            dropped = self._sound.interrupt()
        self._clips.drop(self._not_shown)
        return dropped

    def end(self) -> None:
        """No sound follows; the fragments end after that which has come."""
        self._sound.end()

    def stop(self) -> None:
        """Nothing is wanted any more."""
        self._sound.stop()
        self._clips.stop()

    def fragments(self) -> Generator[Fragment, None, None]:
        """Draw, and give the fragments as they come, until the sound's end, or until it is stopped.

        Raises:
            EmoError: of the sound, or of the model.
        """
        self._thread.start()
        turn = 0
        try:
            yield Fragment(self._encoder.head, 0.0)
            for clip in self._clips:
                if clip.turn != self._turn:
                    self._not_shown(clip)
                    continue
                seconds = self._encoder.seconds
                content = self._encoder.encode(clip.frames, clip.sound)
                yield Fragment(content, seconds, len(clip.frames), clip.since, clip.turn != turn)
                turn = clip.turn
            if self._encoder.frames:
                yield Fragment(self._encoder.finish(), self._encoder.seconds)
        finally:
            self.stop()
            self._thread.join(ENDING_SECONDS)
            self._encoder.close()

    def _not_shown(self, clip: _Drawn) -> None:
        self._sound.hurry(len(clip.frames) / float(self.fps))

    def _draw(self) -> None:
        try:
            drawn = 0
            for clip in self._stream:
                frames = list(clip.each())
                first, drawn = drawn, drawn + len(frames)
                place, end = (round(count * self._sound.rate / self.fps) for count in (first, drawn))
                sound, since = self._sound.taken(end - place)
                with self._lock:
                    turn = self._turn - self._sound.interrupted
                if not self._clips.put(_Drawn(frames, sound, since, turn)):
                    return
            self._clips.end()
        except Stopped:
            self._clips.end()
        except BaseException as error:  # which whoever reads the fragments is to tell
            self._clips.end(error)
