"""A page on a tiny pipeline, and what visitors bring."""

import wave
from pathlib import Path

import pytest
from PIL import Image
from tiny import noise, tiny_pipeline

from emo.ui import Limits


@pytest.fixture(scope="session")
def pipe():
    return tiny_pipeline()


@pytest.fixture(scope="session")
def image(tmp_path_factory, portrait) -> str:
    path = tmp_path_factory.mktemp("portrait") / "portrait.png"
    Image.fromarray(portrait).save(path)
    return str(path)


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """`sound(seconds, seed)` → a WAV file of noise."""
    folder = tmp_path_factory.mktemp("sounds")

    def make(seconds: float = 0.4, seed: int = 0) -> str:
        path: Path = folder / f"{seconds}-{seed}.wav"
        samples, rate = noise(seconds, seed=seed)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, len(samples), "NONE", ""))
            file.writeframes((samples * 32767).astype("<i2").tobytes())
        return str(path)

    return make


@pytest.fixture(scope="session")
def page(pipe):
    """The address of a served page."""
    pytest.importorskip("gradio")
    from emo.ui.server import serve

    with serve(pipe, Limits(upload=1, sound=3, steps=100)) as (local, _):
        yield local
