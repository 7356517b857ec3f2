"""Clients that speak to a real server over a real socket, and what they say."""

import io
import json
import time
from contextlib import contextmanager, suppress
from typing import Any

import av
import numpy as np

LONG = 60.0  # seconds: this machine may be busy


class Client:
    """One WebSocket.

    Attributes:
        head, fragments: of the video, as they came.
        news: all messages in JSON, each with `after`: how many fragments had come by then.
        times: when each fragment came.
    """

    def __init__(self, socket):
        self.socket, self.head, self.fragments, self.news, self.times = socket, b"", [], [], []

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def start(self, portrait: bytes, **start: Any) -> dict[str, Any]:
        """Begin; returns the answer."""
        self.say(type="start", **start)
        self.socket.send(portrait)
        return self.told("ready", "error")

    def speak(self, samples: np.ndarray) -> None:
        self.socket.send((samples * 32767).round().astype("<i2").tobytes())

    def take(self) -> bytes | dict[str, Any]:
        """The next that comes."""
        message = self.socket.recv(timeout=LONG)
        if isinstance(message, str):
            self.news.append(json.loads(message) | {"after": len(self.fragments)})
            return self.news[-1]
        if not self.head:
            self.head = message
        else:
            self.fragments.append(message)
            self.times.append(time.monotonic())
        return message

    def told(self, *kinds: str) -> dict[str, Any]:
        """The next message in JSON of one of these types."""
        while True:
            message = self.take()
            if isinstance(message, dict) and message["type"] in kinds:
                return message

    def watch(self, fragments: int) -> None:
        """Until so many more have come."""
        enough = len(self.fragments) + fragments
        while len(self.fragments) < enough:
            self.take()

    def close_code(self) -> int:
        """Of the WebSocket, once the server has closed it."""
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):
            while True:
                self.take()
        return self.socket.protocol.close_code

    @property
    def video(self) -> bytes:
        return self.head + b"".join(self.fragments)

    def frames(self) -> list[np.ndarray]:
        """Of the video, in gray."""
        with av.open(io.BytesIO(self.video)) as container:
            return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]

    def shades(self) -> np.ndarray:
        """How bright each frame is."""
        return np.array([frame.mean() for frame in self.frames()])

    def heard(self) -> np.ndarray:
        """How loud the sound of each frame is."""
        with av.open(io.BytesIO(self.video)) as container:
            samples = np.concatenate([block.to_ndarray()[0] for block in container.decode(audio=0)])[1024:]
        count = len(samples) // 1920
        return np.abs(samples[: 1920 * count].reshape(count, 1920)).max(1)


class Server:
    """A served pipeline."""

    def __init__(self, serving, pipe):
        self.serving, self.pipe, self.address = serving, pipe, serving.address
        self.live = serving.address.replace("http", "ws") + "live"

    @contextmanager
    def client(self, query: str = "", **given: Any):
        from websockets.sync.client import connect

        with connect(self.live + query, max_size=None, proxy=None, open_timeout=LONG, **given) as socket:
            yield Client(socket)

    def counted(self, name: str, **labels: str) -> float:
        """A metric's value."""
        return self.serving.metrics.registry.get_sample_value(f"emo_{name}", labels) or 0.0

    def wait_for(self, name: str, value: float, **labels: str) -> None:
        """Until a metric has a value."""
        end = time.monotonic() + LONG
        while self.counted(name, **labels) != value:
            assert time.monotonic() < end, (name, labels, self.counted(name, **labels))
            time.sleep(0.02)


def tone(shade: float, seconds: float, rate: int = 16000) -> np.ndarray:
    """A sound that the fake model draws as frames of a brightness, 0 to 1."""
    return shade * np.sin(2 * np.pi * 500 * np.arange(round(seconds * rate)) / rate).astype(np.float32)
