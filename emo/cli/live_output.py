"""Where live frames go: a file, a pipe, a window, a virtual camera."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from emo.errors import EmoError, OptionError, OutputError, first_line
from emo.media import Recording, VideoWriter

TITLE = "emo live"
SEGMENT_SECONDS = 2  # of a file, that are encoded together
CLOSING_KEYS = (27, ord("q"))


class Pace:
    """Shows frames evenly; where one comes late, those after it are as late.

    Args:
        fps: frames per second.
        clock, sleep: of the system.
    """

    def __init__(
        self,
        fps: Fraction,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._interval, self._clock, self._sleep = float(1 / fps), clock, sleep
        self._due: float | None = None

    def wait(self) -> None:
        """Until the next frame is due."""
        now = self._clock()
        if self._due is not None and now < self._due:
            self._sleep(self._due - now)
            now = self._due
        self._due = now + self._interval


class Output:
    """Takes frames (H, W, 3) uint8 RGB, one by one.

    Attributes:
        paced: whether somebody looks at them as they come.
        closed: whether that somebody has had enough.
    """

    paced = closed = False

    def write(self, frame: np.ndarray) -> None:
        """The next frame."""
        raise NotImplementedError

    def finish(self) -> None:
        """After the last frame."""

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *exception: object) -> None:
        pass


class FileOutput(Output):
    """A video with its sound.

    Args:
        path: .mp4 or .mov.
        fps: frames per second.
        recording: of the sound.
        origin: makes the record of all that was recorded.
    """

    def __init__(
        self, path: Path, fps: Fraction, recording: Recording, origin: Callable[[Recording], Mapping[str, Any]]
    ):
        self._writer = VideoWriter(path, fps)
        self._recording, self._origin = recording, origin
        self._frames: list[np.ndarray] = []
        self._finished = False
        self._segment = max(1, round(SEGMENT_SECONDS * fps))

    def write(self, frame: np.ndarray) -> None:
        self._frames.append(frame)
        if len(self._frames) >= self._segment:
            self._flush()

    def _flush(self) -> None:
        frames, self._frames = self._frames, []
        if frames:
            self._writer.write(frames)

    def finish(self) -> None:
        self._flush()
        self._finished = True  # or it cannot be
        self._writer.finish(self._recording, self._origin(self._recording))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if not self._finished and (self._frames or self._writer.position):
                self.finish()  # by an error: what was drawn by then is a whole video, too
        except OutputError:
            if not isinstance(error, OutputError):  # else the disk was full already, and is so still
                raise
        finally:
            self._writer.discard()


class PipeOutput(Output):
    """Raw frames on standard output."""

    def write(self, frame: np.ndarray) -> None:
        sys.stdout.buffer.write(np.ascontiguousarray(frame).data)
        sys.stdout.buffer.flush()


class WindowOutput(Output):
    """A window of OpenCV's.

    Raises:
        EmoError: it cannot open any.
    """

    paced = True

    def __init__(self):
        import cv2

        gui = next((line for line in cv2.getBuildInformation().splitlines() if line.strip().startswith("GUI:")), "")
        if gui.split(":")[-1].strip() in ("", "NONE"):
            raise EmoError("--window: this OpenCV has no windows (opencv-python-headless); use --pipe or --camera")
        if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise EmoError("--window: there is no display; use -o, --pipe or --camera")
        self._cv2 = cv2
        cv2.namedWindow(TITLE, cv2.WINDOW_AUTOSIZE)

    def write(self, frame: np.ndarray) -> None:
        if self.closed:
            return
        self._cv2.imshow(TITLE, np.ascontiguousarray(frame[..., ::-1]))
        key = self._cv2.waitKey(1) & 0xFF
        self.closed = key in CLOSING_KEYS or self._cv2.getWindowProperty(TITLE, self._cv2.WND_PROP_VISIBLE) < 1

    def __exit__(self, *exception: object) -> None:
        self._cv2.destroyAllWindows()


class CameraOutput(Output):
    """A virtual camera of the system, which video calls can choose.

    Args:
        size: height and width of the frames.
        fps: frames per second.

    Raises:
        EmoError: pyvirtualcam is not installed, or there is no virtual camera.
    """

    paced = True

    def __init__(self, size: tuple[int, int], fps: Fraction):
        try:
            import pyvirtualcam  # pyright: ignore[reportMissingImports] (an extra)
        except ImportError as error:
            raise EmoError(f"--camera needs pyvirtualcam ({error}); install it: pip install 'emo[live]'") from None
        try:
            self._camera = pyvirtualcam.Camera(width=size[1], height=size[0], fps=float(fps))
        except RuntimeError as error:
            raise EmoError(f"--camera: {first_line(error)}; install OBS, or v4l2loopback on Linux") from None

    def write(self, frame: np.ndarray) -> None:
        self._camera.send(np.ascontiguousarray(frame))

    def __exit__(self, *exception: object) -> None:
        self._camera.close()


def open_outputs(options: argparse.Namespace, stream: Any, recording: Recording) -> Iterator[Output]:
    """Those that the options ask for, opened one by one.

    Args:
        options: of the command.
        stream: whose frames they take.
        recording: of its sound.
    """
    if options.pipe and sys.stdout.isatty():
        raise OptionError("--pipe: raw frames are nothing for a terminal; pipe them into a command", option="pipe")
    if options.output:
        yield FileOutput(options.output, stream.fps, recording, lambda heard: stream.origin_of(heard.blocks()))
    if options.pipe:
        yield PipeOutput()
    if options.window:
        yield WindowOutput()
    if options.camera:
        yield CameraOutput(stream.frame_size, stream.fps)
