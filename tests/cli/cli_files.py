"""Files that the tests of the command line make and read."""

import wave
from pathlib import Path

import numpy as np
from tiny import noise

from emo.media import VideoReader


def write_wav(path: Path, seconds: float) -> Path:
    samples, rate = noise(seconds)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, len(samples), "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def frames_of(path: Path) -> np.ndarray:
    with VideoReader(path) as video:
        return video.read(range(video.num_frames))
