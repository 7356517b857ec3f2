"""Small talking videos for `emo prepare`: a free photograph warped into speech, pasted into larger scenes."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut

from emo.data.prepare.config import FilterConfig, PrepareConfig
from emo.data.synthetic.articulation import articulate_speech
from emo.data.synthetic.motion.first import make_controls
from emo.data.synthetic.speech import synthesize
from emo.data.synthetic.warp import PortraitWarper
from emo.media import AudioTrack, VideoWriter

FPS, SIDE, FACE = 25, 160, 70  # pixels of the pasted picture, and of the face in it
HEIGHT, WIDTH = 200, 320
SMALL = PrepareConfig(
    size=96, min_seconds=1.0, max_seconds=2.0, filters=FilterConfig(min_face=60.0, min_lip_match=0.5)
)  # a second tells less of lips than the three of a usual clip
SMALL_OPTIONS = (
    *("--set", "size=64"), *("--set", "min_seconds=1"), *("--set", "filters.min_face=60"),
    *("--set", "filters.min_lip_match=0.5"),
)  # fmt: skip


@lru_cache(maxsize=2)
def _warper(person: int) -> PortraitWarper:
    picture = astronaut()
    return PortraitWarper(picture if person == 0 else np.ascontiguousarray(picture[:, ::-1, ::-1]), SIDE)


@lru_cache(maxsize=8)
def talker(seconds: float = 1.2, seed: int = 1, person: int = 0, speed: float = 0.3) -> tuple:
    """Frames (T, SIDE, SIDE, 3), sound (N,) at 16 kHz, and labels by name of somebody who talks. Do not change them.

    Person 1 is the mirror image of person 0 in other colors.
    """
    speech = synthesize(seed, seconds)
    motion = make_controls(articulate_speech(speech, learned=True), speed, seed)
    labels = _warper(person).labels(motion)
    known = {"face_box": labels.face_box, "points": labels.points, "roll": motion.roll, "tx": motion.tx}
    return _warper(person).render(motion).numpy(), speech.waveform, {k: v.numpy() for k, v in known.items()}


def background(seed: int = 0) -> np.ndarray:
    """A soft pattern, (HEIGHT, WIDTH, 3)."""
    patches = np.random.default_rng(seed).integers(30, 220, (4, 6, 3)).astype(np.uint8)
    return cv2.resize(patches, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def pasted(frames: np.ndarray, x: int = 80, y: int = 20, scene: np.ndarray | None = None) -> np.ndarray:
    """The frames within a larger scene, (T, HEIGHT, WIDTH, 3)."""
    out = np.repeat((background() if scene is None else scene)[None], len(frames), 0)
    out[:, y : y + SIDE, x : x + SIDE] = frames
    return out


def write_video(path: Path, frames: np.ndarray, sound: np.ndarray | None = None, fps: float = FPS) -> Path:
    with VideoWriter(path, fps) as writer:
        writer.write(frames)
        if sound is None:
            writer.finish()
        else:
            with AudioTrack.open((sound.astype(np.float32), 16000)) as track:
                writer.finish(track)
    return path


def in_turn(work, items):
    """An engine: one after the other, in this process."""
    from emo.data.prepare.engines import Attempt

    return map(Attempt(work), items)
