"""A client's WebSocket, from its start to its end."""

import asyncio
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from emo.errors import AudioError, EmoError
from emo.serve.limits import LiveLimits
from emo.serve.metrics import Metrics
from emo.serve.protocol import END, INTERRUPT, PING, Refused, Start, read_message, read_sound, read_start
from emo.serve.session import Fragment, Session
from emo.ui.form import argument, fields_of
from emo.ui.request import Request, read_picture
from emo.ui.words import FieldError, sentence

STARTING_SECONDS = 20.0  # for the start and the portrait
SENDING_SECONDS = 10.0  # for a client to take a fragment


class Conversation:
    """One client.

    Args:
        socket: accepted.
        pipe: the pipeline.
        limits: of the client.
        metrics: of the server.
        threads: for what waits or works.
    """

    def __init__(
        self, socket: WebSocket, pipe: Any, limits: LiveLimits, metrics: Metrics, threads: anyio.CapacityLimiter
    ):
        self._socket, self._pipe, self._limits, self._metrics = socket, pipe, limits, metrics
        self._in_thread = partial(anyio.to_thread.run_sync, limiter=threads)
        self._frames = 0

    async def hold(self) -> str:
        """All of it; returns what ended it, in a word.

        Raises:
            Refused: the client is to be told why it ends.
            WebSocketDisconnect: it has gone.
        """
        try:
            start, portrait = await asyncio.wait_for(self._beginning(), STARTING_SECONDS)
        except asyncio.TimeoutError:
            raise Refused(f"Nothing to start with came within {STARTING_SECONDS:g} s.", "silence") from None
        session = await self._in_thread(self._open, start, portrait)
        del portrait
        ready = {"type": "ready", "mime": session.mime, "fps": float(session.fps)}
        ready |= {"height": session.size[0], "width": session.size[1]}
        await self._socket.send_json(ready)
        sending = asyncio.create_task(self._send(session))
        hearing = asyncio.create_task(self._hear(session))
        limit = self._limits.seconds
        try:
            done, _ = await asyncio.wait({sending, hearing}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise Refused(f"Ended after {limit:g} s, the most this server allows.", "limit")
            for task in done:
                task.result()
            ended = {"type": "ended", "frames": self._frames, "seconds": float(self._frames / session.fps)}
            await self._socket.send_json(ended)
            return "end"
        finally:
            session.stop()
            hearing.cancel()
            await asyncio.gather(sending, hearing, return_exceptions=True)

    async def _beginning(self) -> tuple[Start, bytes]:
        message = await self._receive()
        if not isinstance(message, str):
            raise Refused("The first message is a start, in JSON.", "protocol")
        start = read_start(read_message(message), self._limits)
        portrait = await self._receive()
        if not isinstance(portrait, bytes):
            raise Refused("The second message is the portrait, a picture's file in binary.", "protocol")
        return start, portrait

    async def _receive(self) -> str | bytes:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
        content = message.get("text")
        return message["bytes"] if content is None else content

    def _open(self, start: Start, portrait: bytes) -> Session:
        """The session that is asked for."""
        kinds = getattr(self._pipe, "own_options", self._pipe.options_class)
        try:
            with tempfile.TemporaryDirectory(prefix="emo-serve-") as folder:
                path = Path(folder) / "portrait"
                path.write_bytes(portrait)
                request = Request(str(path), None, start.seed, start.options)
                picture, options = read_picture(request, kinds, self._limits)
            unknown = sorted(start.options.keys() - {argument(entry) for entry in fields_of(kinds)})
            if unknown:
                raise FieldError(unknown[0], f"The model has no option {unknown[0]!r}.")
            session = Session(self._pipe, picture, options, start, self._metrics.wait.observe)
        except FieldError as error:
            raise Refused(str(error), "input", option=error.field) from error
        except EmoError as error:
            raise Refused(sentence(str(error)), "input") from error
        if max(session.size) > self._limits.side:
            height, width = session.size
            raise Refused(
                f"The frames have {width} x {height} pixels; this server allows {self._limits.side} a side.",
                "limit",
                option="paste_back",
            )
        return session

    async def _send(self, session: Session) -> None:
        """Fragments to the client, to the end of them."""
        fragments = session.fragments()
        try:
            while (fragment := await self._in_thread(next, fragments, None)) is not None:
                await self._send_one(fragment)
        except AudioError as error:
            raise Refused(sentence(str(error)), "input", option="sound") from error
        finally:
            session.stop()
            with anyio.CancelScope(shield=True):
                await self._in_thread(fragments.close)

    async def _send_one(self, fragment: Fragment) -> None:
        async def send() -> None:
            if fragment.interrupted:
                await self._socket.send_json({"type": "interrupted", "seconds": fragment.seconds})
            await self._socket.send_bytes(fragment.content)

        try:
            await asyncio.wait_for(send(), SENDING_SECONDS)
        except asyncio.TimeoutError:
            raise Refused(f"Nothing was taken for {SENDING_SECONDS:g} s.", "slow") from None
        if fragment.since is not None:
            self._metrics.delay.observe(time.monotonic() - fragment.since)
        self._metrics.frames.inc(fragment.frames)
        self._frames += fragment.frames

    async def _hear(self, session: Session) -> None:
        """What the client says, until it goes."""
        ended = False
        while True:
            try:
                message = await asyncio.wait_for(self._receive(), None if ended else self._limits.silence)
            except asyncio.TimeoutError:
                raise Refused(f"Ended, as nothing came for {self._limits.silence:g} s.", "silence") from None
            if isinstance(message, bytes):
                samples = read_sound(message)
                dropped = session.hear(samples)
                self._metrics.sound.inc(len(samples) / session.rate)
                if dropped:
                    self._metrics.dropped.inc(dropped)
                    await self._socket.send_json({"type": "dropped", "seconds": dropped})
                continue
            kind = read_message(message)["type"]
            if kind == INTERRUPT:
                self._metrics.interruptions.inc()
                session.interrupt()
            elif kind == END:
                ended = True
                session.end()
            elif kind == PING:
                await self._socket.send_json({"type": "pong"})
            else:
                raise Refused("A session has one start.", "protocol")
