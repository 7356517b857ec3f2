"""Puts the live server on the network."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from emo.errors import EmoError, OptionError
from emo.serve.limits import LiveLimits

ENDING_SECONDS = 5  # that clients get to finish
STARTING_SECONDS = 30.0


class Serving:
    """A server that listens, and answers once it runs.

    Args:
        pipe: the pipeline, on its device.
        limits: of a client, and of all.
        host: address to listen on; `0.0.0.0` is every one of this machine.
        port: 0 for any free one.
        token: that clients must bring, if any.
        origins: of pages besides its own that may connect.

    Attributes:
        address: of its page.
        metrics: what it counts.

    Raises:
        OptionError: the address cannot be used, or the token or an origin is none.
        EmoError: a library is not installed.
    """

    def __init__(
        self,
        pipe: Any,
        limits: LiveLimits,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        origins: Sequence[str] = (),
    ):
        try:
            import prometheus_client  # noqa: F401
            import uvicorn
            import websockets  # noqa: F401

            from emo.serve.access import Access
            from emo.serve.app import LiveServer
        except ImportError as error:
            raise EmoError(f"the server needs a library ({error}); install it: pip install 'emo[serve]'") from None
        live = LiveServer(pipe, limits, Access(host, token, origins))
        self.metrics = live.metrics
        config = uvicorn.Config(
            live.app(),
            ws="websockets-sansio",
            ws_max_size=round(limits.upload * 1_000_000),
            ws_per_message_deflate=False,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=ENDING_SECONDS,
            lifespan="off",
        )
        self._server = uvicorn.Server(config)
        self._socket = _listening(host, port)
        number = self._socket.getsockname()[1]
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
        self.address = f"http://{name}:{number}/"

    def run(self) -> None:
        """Serve until it is told to stop, by SIGINT or SIGTERM or `stop`."""
        with self._socket:
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True

    @contextlib.contextmanager
    def in_background(self) -> Iterator["Serving"]:
        """Serve in a thread while the context lasts."""
        thread = threading.Thread(target=self.run, name="live server", daemon=True)
        thread.start()
        end = time.monotonic() + STARTING_SECONDS
        while not self._server.started and thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)
        try:
            yield self
        finally:
            self.stop()
            thread.join()


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise OptionError(f"the server cannot listen on {host}, port {port}: {what}", option="port") from None
