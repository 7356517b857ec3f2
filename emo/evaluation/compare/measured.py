"""One video as measures see it: what is read from it is computed once, kept in a file, and loaded when asked for."""

import copy
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from av.stream import Stream
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from emo.downloads import sha256
from emo.errors import EmoError, FaceError, OutputError, VideoError
from emo.face import FaceDetector, track_face
from emo.face.mesh import NUM_LANDMARKS
from emo.files import write_whole, writing_into
from emo.media import SAMPLE_RATE, AudioTrack, VideoReader
from emo.media.demuxer import Media
from emo.metrics import identity_descriptor

CHUNK = 16  # frames decoded at a time
DESCRIBED = 5  # every so many frames the face is described
SHOWN = 8  # frames kept to look at
SHOWN_HEIGHT = 128  # their height in pixels
MAX_GAP_SECONDS = 0.5  # seconds by which sound and pictures may differ in length
MIN_FOUND = 0.9  # share of frames: with fewer, landmarks are more guessed than seen
FORMAT = 2  # of what is kept

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """Something read from a video.

    Attributes:
        name: of its file; with the fingerprint of the network that computes it, if one does.
        compute: makes its arrays of a clip whose earlier parts are there.
    """

    name: str
    compute: Callable[["MeasuredVideo"], dict[str, np.ndarray]]


class Unavailable(EmoError):
    """A measure that these videos, or the networks at hand, do not allow; the message says why."""


def try_measure(call: Callable[[], T]) -> T | str:
    """What a call gives, or why it gives nothing.

    Raises:
        OutputError: what was read cannot be kept: no fault of the video.
    """
    try:
        return call()
    except OutputError:
        raise
    except EmoError as error:
        return str(error)


class MeasuredVideo:
    """A video file. It may be sent to another process; what was loaded of it stays behind.

    Args:
        path: of the video.
        cache: folder in which parts are kept, by the video's content.
        seconds: of its beginning that are looked at; the whole by default.

    Raises:
        VideoError: it cannot be read.
    """

    def __init__(self, path: Path, cache: Path, seconds: float | None = None):
        self.path = path
        with VideoReader(path) as video:
            self.fps, self._length = video.fps, video.num_frames
            wanted = self._length if seconds is None else max(1, round(seconds * self.fps))
            self.num_frames = min(wanted, self._length)
            self.height, self.width = video.height, video.width
            self.has_audio = video.has_audio
        self.digest = sha256(path)
        part = "" if self.num_frames == self._length else f"-{self.num_frames}"
        self._folder = cache / f"{self.digest[:32]}-{FORMAT}{part}"
        self._loaded: dict[str, dict[str, np.ndarray]] = {}

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_loaded": {}}

    def fresh(self) -> "MeasuredVideo":
        """The same clip with nothing loaded, to be forgotten after use."""
        return copy.copy(self)

    def frames(self) -> Iterator[np.ndarray]:
        """The frames, uint8 (n, H, W, 3), CHUNK at a time."""
        with VideoReader(self.path) as video:
            for start in range(0, self.num_frames, CHUNK):
                yield video.read(range(start, min(start + CHUNK, self.num_frames)))

    def waveform(self) -> np.ndarray:
        """The sound of just these frames, mono at 16 kHz; a little silence where it begins late or ends early.

        Raises:
            Unavailable: there is none, or that of the whole video is shorter or longer than its pictures by more than
                MAX_GAP_SECONDS.
        """
        if not self.has_audio:
            raise Unavailable("the video has no sound")
        wanted = round(self._length / self.fps * SAMPLE_RATE)
        with AudioTrack.open(self.path, SAMPLE_RATE) as track:
            waveform = track.read(0, track.length)
        late = round(sound_start(self.path) * SAMPLE_RATE)
        if abs(late) > wanted + MAX_GAP_SECONDS * SAMPLE_RATE:
            raise Unavailable(f"its sound starts {late / SAMPLE_RATE:.1f} s from its pictures")
        waveform = np.pad(waveform, (late, 0)) if late > 0 else waveform[-late:]
        if abs(len(waveform) - wanted) > MAX_GAP_SECONDS * SAMPLE_RATE:
            seconds = len(waveform) / SAMPLE_RATE, wanted / SAMPLE_RATE
            raise Unavailable("sound of {:.1f} s, pictures of {:.1f} s; cut to one length".format(*seconds))
        waveform = np.pad(waveform, (0, max(0, wanted - len(waveform))))
        return waveform[: round(self.num_frames / self.fps * SAMPLE_RATE)]

    def part(self, part: Part) -> dict[str, np.ndarray]:
        """Arrays of a part: from its file, or computed and kept.

        Raises:
            OutputError: they cannot be kept.
        """
        if part.name not in self._loaded:
            path = self._folder / f"{part.name}.safetensors"
            try:
                self._loaded[part.name] = load_file(path)
            except (OSError, SafetensorError):  # not there, or damaged
                arrays = {name: np.ascontiguousarray(array) for name, array in part.compute(self).items()}
                own = path.with_suffix(f".{os.getpid()}")  # another process may be at a copy of this video
                with writing_into(self._folder):
                    self._folder.mkdir(parents=True, exist_ok=True)
                    write_whole(own, save(arrays))
                    os.replace(own, path)
                self._loaded[part.name] = arrays
        return self._loaded[part.name]

    @property
    def found(self) -> np.ndarray:
        """(T,) bool: frames that show a face."""
        return self.part(FACE)["found"].astype(bool)

    @property
    def landmarks(self) -> np.ndarray:
        """(T, 478, 3) in pixels; a few frames may be interpolated.

        Raises:
            Unavailable: there is one frame alone, or fewer than MIN_FOUND of the frames show a face.
        """
        share = self.found.mean()
        if self.num_frames < 2:
            raise Unavailable("the video is of one frame")
        if share < MIN_FOUND:
            seen = f"only {share:.0%} of the frames show a face" if share else "no face is found in the video"
            raise Unavailable(seen)
        return self.part(FACE)["landmarks"]

    @property
    def described(self) -> np.ndarray:
        """Numbers of the frames whose face is looked at: every fifth of those that show one, (K,) int.

        Raises:
            Unavailable: there is none.
        """
        numbers = np.flatnonzero(self.found & (np.arange(len(self.found)) % DESCRIBED == 0))
        if not len(numbers):
            raise Unavailable("no face is found in the video")
        return numbers

    def seen_faces(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Frames `described`, (H, W, 3), with their landmarks, (478, 3).

        Raises:
            Unavailable: there is none.
        """
        landmarks, wanted = self.part(FACE)["landmarks"], set(self.described.tolist())
        for number, frame in enumerate(frame for frames in self.frames() for frame in frames):
            if number in wanted:
                yield frame, landmarks[number]

    @property
    def descriptors(self) -> np.ndarray:
        """(K, D): `identity_descriptor` of the frames `described`.

        Raises:
            Unavailable: there is none.
        """
        return self.part(LOOKS)["descriptors"]

    @property
    def shown(self) -> np.ndarray:
        """Some frames, evenly spaced, small: uint8 (SHOWN, h, w, 3)."""
        return self.part(SHEET)["shown"]


def sound_start(path: Path) -> float:
    """Seconds from a video's first picture to its first sound; negative where the sound begins before."""
    with Media(path, VideoError) as media:
        assert media.sound is not None  # both are asked for
        assert media.video is not None
        return _start(media.sound) - _start(media.video)


def _start(stream: Stream) -> float:
    """Seconds at which a stream of a file begins."""
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _track(clip: MeasuredVideo) -> dict[str, np.ndarray]:
    try:
        with FaceDetector() as detector:
            track = track_face((frame for frames in clip.frames() for frame in frames), detector)
    except FaceError:
        return {"landmarks": np.zeros((0, NUM_LANDMARKS, 3), np.float32), "found": np.zeros(clip.num_frames, np.uint8)}
    return {"landmarks": track.landmarks.astype(np.float32), "found": track.found.astype(np.uint8)}


def _describe(clip: MeasuredVideo) -> dict[str, np.ndarray]:
    return {"descriptors": np.stack([identity_descriptor(*face) for face in clip.seen_faces()])}


def _show(clip: MeasuredVideo) -> dict[str, np.ndarray]:
    import cv2

    size = (max(1, round(clip.width * SHOWN_HEIGHT / clip.height)), SHOWN_HEIGHT)
    with VideoReader(clip.path) as video:
        frames = [video.read([number])[0] for number in np.linspace(0, clip.num_frames - 1, SHOWN).round().astype(int)]
    return {"shown": np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])}


FACE = Part("face", _track)
LOOKS = Part("looks", _describe)
SHEET = Part("sheet", _show)
