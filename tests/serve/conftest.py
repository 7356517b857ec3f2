"""A real server, and a portrait for a model that looks at none."""

import io
from contextlib import ExitStack

import pytest
from fake_live import FakePipe
from live_clients import Server
from PIL import Image

from emo.serve import LiveLimits


@pytest.fixture
def picture() -> bytes:
    """A portrait for the fake model, which looks at none."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def no_reader(monkeypatch):
    """Portraits are not read in a process of their own, which takes its time."""
    monkeypatch.setattr("emo.ui.request.read_portrait", lambda path, pixels: Image.open(path).convert("RGB"))


@pytest.fixture
def serve():
    """`serve(pipe=None, limits=None, **options)` -> `Server`, until the test is over."""
    pytest.importorskip("uvicorn")
    pytest.importorskip("websockets")
    pytest.importorskip("prometheus_client")
    from emo.serve.server import Serving

    with ExitStack() as stack:

        def start(pipe=None, limits=None, **options):
            pipe = FakePipe() if pipe is None else pipe
            serving = Serving(pipe, limits or LiveLimits(), **options)
            return Server(stack.enter_context(serving.in_background()), pipe)

        yield start
