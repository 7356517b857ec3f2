"""A saved tiny pipeline, a portrait file, a short sound file, and the command run in this process."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from cli_files import write_wav
from PIL import Image
from tiny import tiny_pipeline

from emo.cli.main import main
from emo.media import VideoWriter


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny"
    tiny_pipeline().save_pretrained(path)
    return path


@pytest.fixture
def image(tmp_path, portrait) -> Path:
    Image.fromarray(portrait).save(tmp_path / "portrait.png")
    return tmp_path / "portrait.png"


@pytest.fixture
def sound(tmp_path) -> Path:
    return write_wav(tmp_path / "sound.wav", 0.4)


@pytest.fixture
def command(capfd):
    """`command("inspect", …)` → exit status, output, errors."""

    def run(*arguments):
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        shown = capfd.readouterr()
        return status, shown.out, shown.err

    return run


@pytest.fixture
def emo(command, model, image, sound, tmp_path):
    """`emo(image=…, audio=…, output=…, *options)` → exit status, output, errors, all as the terminal shows them."""

    def run(*options, image=image, audio=sound, output=tmp_path / "out.mp4"):
        quick = ("--model", model, "--steps", 1, "--audio-guidance", 1)
        return command("generate", image, audio, "-o", output, *quick, *options)

    return run


@pytest.fixture
def interrupted(monkeypatch):
    """`with interrupted(): …`: Ctrl-C comes when the second clip is to be written."""

    @contextmanager
    def interruption():
        write, calls = VideoWriter.write, []

        def stop(self, frames):
            calls.append(1)
            if len(calls) == 2:
                raise KeyboardInterrupt
            write(self, frames)

        with monkeypatch.context() as patch:
            patch.setattr(VideoWriter, "write", stop)
            yield

    return interruption
