"""Who makes the talks: a model, or nobody but a warper of portraits, as good as it gets without a network."""

import json
import time
from pathlib import Path
from typing import Protocol

import numpy as np

from emo.data.synthetic.articulation import articulate_recording
from emo.data.synthetic.motion.second import PORTRAIT_SCALES, make_motion
from emo.data.synthetic.renderer import load_warper
from emo.evaluation.model_videos import ModelSettings, ModelVideos
from emo.evaluation.portraits.plan import Talk
from emo.evaluation.seeds import noise_seed
from emo.files import write_whole
from emo.media import SAMPLE_RATE, AudioTrack, VideoWriter, load_image

TRUTH = "warped portrait"
SIDE, FPS, SPEED = 256, 25.0, 0.4  # of warped portraits: pixels, frames and degrees per frame


class Maker(Protocol):
    """Makes talks.

    Attributes:
        folder: of its videos.
    """

    folder: Path

    def make(self, talk: Talk) -> float:
        """Write a talk's video at `folder / NAME.mp4`, unless it is there; seconds of processor time a frame."""
        ...


class ModelMaker:
    """A model of any system.

    Args:
        settings: of its videos.
        folder: of its videos, which exists.
    """

    def __init__(self, settings: ModelSettings, folder: Path):
        self.folder = folder
        self.videos = ModelVideos(settings)

    def make(self, talk: Talk) -> float:
        """See `Maker`."""
        stream = self.videos.stream(talk.name, np.asarray(load_image(talk.portrait)), said(talk))
        beside = self.folder / f"{talk.name}.json"
        began = time.process_time()
        if self.videos.write(stream, self.folder / f"{talk.name}.mp4"):
            spent = (time.process_time() - began) / stream.num_frames
            write_whole(beside, json.dumps({"seconds_per_frame": spent}).encode())
        return float(json.loads(beside.read_text(encoding="utf-8"))["seconds_per_frame"])


class WarpMaker:
    """Portraits warped as synthetic training clips are.

    Args:
        seed: of their motion.
        folder: of its videos, which exists.
    """

    def __init__(self, seed: int, folder: Path):
        self.folder = folder
        self.seed = seed

    def make(self, talk: Talk) -> float:
        """See `Maker`."""
        began = time.process_time()
        sound = said(talk)
        mouth = articulate_recording(sound, FPS)
        seed = noise_seed(self.seed, talk.name)
        controls, _ = make_motion(sound, mouth, SPEED, seed, FPS, scales=PORTRAIT_SCALES)
        frames = load_warper(str(talk.portrait), SIDE).render(controls).numpy()
        spent = (time.process_time() - began) / len(frames)
        path = self.folder / f"{talk.name}.mp4"
        with VideoWriter(path, FPS) as writer, AudioTrack.open((sound, SAMPLE_RATE)) as track:
            writer.write(frames)
            writer.finish(track)
        return spent


def said(talk: Talk) -> np.ndarray:
    """The beginning of a talk's recording, (N,) at 16 kHz; again from the start where it is shorter.

    Raises:
        AudioError: it cannot be read.
    """
    length = round(talk.seconds * SAMPLE_RATE)
    with AudioTrack.open(talk.sound, SAMPLE_RATE) as track:
        sound = track.read(0, min(length, track.length))
    return np.resize(sound, length)
