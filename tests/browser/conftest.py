"""A saved tiny model served by `emo ui`, a browser, and files to upload."""

import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tiny import noise, tiny_pipeline
from visit import CHROMIUM, browser, served

from emo.media import AudioTrack, VideoWriter
from emo.ui.example import example_portrait


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """Where the page is, and the folder of its temporary files."""
    model = tmp_path_factory.mktemp("model") / "tiny"
    tiny_pipeline().save_pretrained(model)
    with served("--model", model, "--max-sound", "5") as place:
        yield place


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        pytest.fail("no Chromium found: make test-browser installs it, or set EMO_CHROMIUM to its path")
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Path:
    """portrait.png, wall.png (no face), long.wav (6 s); sound.wav, talk.mp4 and talk.opus of 0.8 s: five clips."""
    folder = tmp_path_factory.mktemp("files")
    Image.fromarray(example_portrait()).save(folder / "portrait.png")
    Image.fromarray(np.full((256, 256, 3), 120, np.uint8)).save(folder / "wall.png")
    for name, seconds in (("sound", 0.8), ("long", 6)):
        samples, rate = noise(seconds)
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, rate, len(samples), "NONE", ""))
            file.writeframes((samples * 32767).astype("<i2").tobytes())
    with AudioTrack.open(folder / "sound.wav") as track, VideoWriter(folder / "talk.mp4", 25) as writer:
        writer.write(np.zeros((20, 64, 64, 3), np.uint8))
        writer.finish(track)
    with av.open(str(folder / "talk.opus"), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(noise(0.8, 48000)[0][None], format="flt", layout="mono")
        frame.sample_rate = 48000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return folder
