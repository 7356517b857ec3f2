"""One video as measures see it: what is read from it is computed once, kept in a file, and loaded when asked for."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from emo.errors import EmoError, FaceError
from emo.face import FaceDetector, track_face
from emo.media import AudioTrack, VideoReader
from emo.media.files import write_whole
from emo.metrics import identity_descriptor

CHUNK = 16  # frames decoded at a time
SAMPLE_RATE = 16000
DESCRIBED = 5  # every so many frames the face is described
SHOWN, SHOWN_HEIGHT = 8, 128  # frames kept to look at, and their height in pixels
FORMAT = 1  # of what is kept


@dataclass(frozen=True)
class Part:
    """Something read from a video.

    name: of its file; with the fingerprint of the network that computes it, if one does. compute: makes its arrays of
    a clip whose earlier parts are there.
    """

    name: str
    compute: Callable[["Clip"], dict[str, np.ndarray]]


class Unavailable(EmoError):
    """A measure that these videos, or the networks at hand, do not allow; the message says why."""


class Clip:
    """A video file.

    Args:
        path: of the video.
        cache: folder in which parts are kept, by the video's content.

    Raises:
        VideoError: it cannot be read.
    """

    def __init__(self, path: Path, cache: Path):
        self.path = path
        with VideoReader(path) as video:
            self.fps, self.num_frames = video.fps, video.num_frames
            self.height, self.width, self.has_audio = video.height, video.width, video.has_audio
        self.digest = file_digest(path)
        self._folder = cache / f"{self.digest[:32]}-{FORMAT}"

    def frames(self) -> Iterator[np.ndarray]:
        """The frames, uint8 (n, H, W, 3), CHUNK at a time."""
        with VideoReader(self.path) as video:
            for start in range(0, video.num_frames, CHUNK):
                yield video.read(range(start, min(start + CHUNK, video.num_frames)))

    def waveform(self) -> np.ndarray:
        """The sound, mono at 16 kHz.

        Raises:
            Unavailable: there is none.
        """
        if not self.has_audio:
            raise Unavailable("the video has no sound")
        with AudioTrack.open(self.path, SAMPLE_RATE) as track:
            return track.read(0, track.length)

    def part(self, part: Part) -> dict[str, np.ndarray]:
        """Arrays of a part: from its file, or computed and kept."""
        path = self._folder / f"{part.name}.safetensors"
        try:
            return load_file(path)
        except (OSError, SafetensorError):  # not there, or damaged
            arrays = {name: np.ascontiguousarray(array) for name, array in part.compute(self).items()}
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, save(arrays))
            return arrays

    @cached_property
    def found(self) -> np.ndarray:
        """(T,) bool: frames that show a face."""
        return self.part(FACE)["found"].astype(bool)

    @property
    def landmarks(self) -> np.ndarray:
        """(T, 478, 3) in pixels.

        Raises:
            Unavailable: no frame shows a face.
        """
        if not self.found.any():
            raise Unavailable("no face is found in the video")
        return self.part(FACE)["landmarks"]

    @property
    def described(self) -> np.ndarray:
        """Numbers of the frames whose face is looked at: every fifth of those that show one, (K,) int."""
        return np.flatnonzero(self.found & (np.arange(len(self.found)) % DESCRIBED == 0))

    @property
    def descriptors(self) -> np.ndarray:
        """(K, D): `identity_descriptor` of the frames `described`.

        Raises:
            Unavailable: there is no such frame.
        """
        descriptors = self.part(LOOK)["descriptors"]
        if not len(descriptors):
            raise Unavailable("no face is found in the video")
        return descriptors

    @property
    def shown(self) -> np.ndarray:
        """Some frames, evenly spaced, small: uint8 (SHOWN, h, w, 3)."""
        return self.part(LOOK)["shown"]


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file) -> str:
    """For Python 3.10."""
    digest = hashlib.sha256()
    while block := file.read(2**20):
        digest.update(block)
    return digest.hexdigest()


def _track(clip: Clip) -> dict[str, np.ndarray]:
    try:
        with FaceDetector() as detector:
            track = track_face((frame for frames in clip.frames() for frame in frames), detector)
    except FaceError:
        return {"landmarks": np.zeros((0, 478, 3), np.float32), "found": np.zeros(clip.num_frames, np.uint8)}
    return {"landmarks": track.landmarks.astype(np.float32), "found": track.found.astype(np.uint8)}


def _look(clip: Clip) -> dict[str, np.ndarray]:
    import cv2

    wanted = set(np.linspace(0, clip.num_frames - 1, SHOWN).round().astype(int).tolist())
    size = (max(1, round(clip.width * SHOWN_HEIGHT / clip.height)), SHOWN_HEIGHT)
    shown, descriptors, described = {}, [], set(clip.described.tolist())
    landmarks = clip.landmarks if described else None
    for number, frame in enumerate(frame for frames in clip.frames() for frame in frames):
        if number in wanted:
            shown[number] = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        if number in described:
            descriptors.append(identity_descriptor(frame, landmarks[number]))
    frames = [shown[number] for number in np.linspace(0, clip.num_frames - 1, SHOWN).round().astype(int)]
    return {
        "shown": np.stack(frames),
        "descriptors": np.stack(descriptors) if descriptors else np.zeros((0, 1), np.float32),
    }


FACE = Part("face", _track)
LOOK = Part("look", _look)
