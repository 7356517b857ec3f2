"""The live server as an ASGI application: the WebSocket, a page that uses it, its health and its metrics."""

import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from emo.serve.access import Access
from emo.serve.conversation import Conversation
from emo.serve.limits import LiveLimits
from emo.serve.metrics import Metrics
from emo.serve.protocol import SERVER_ERROR, TRY_LATER, Refused
from emo.ui.headers import OwnServerOnly
from emo.ui.words import server_error

CLIENT = Path(__file__).parent / "client"
FILES = {"/": "index.html", "/client.js": "client.js", "/microphone.js": "microphone.js", "/style.css": "style.css"}
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "media-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

logger = logging.getLogger(__name__)


class LiveServer:
    """Sessions on one pipeline.

    Args:
        pipe: the pipeline; each session draws with it in a thread of its own.
        limits: of a client, and of all.
        access: who may connect.

    Attributes:
        metrics: what it counts.
    """

    def __init__(self, pipe: Any, limits: LiveLimits, access: Access):
        self._pipe, self._limits, self._access = pipe, limits, access
        self.metrics = Metrics()
        self._open = 0
        self._threads = anyio.CapacityLimiter(2 * limits.sessions + 2)

    def app(self) -> Starlette:
        """What an ASGI server is given."""
        routes = [
            WebSocketRoute("/live", self._live),
            Route("/healthz", self._health),
            Route("/metrics", self._metrics_text),
            *(Route(path, self._file) for path in FILES),
        ]
        middleware = [
            Middleware(OwnServerOnly, policy=POLICY),
            Middleware(TrustedHostMiddleware, allowed_hosts=self._access.hosts, www_redirect=False),
        ]
        return Starlette(routes=routes, middleware=middleware)

    async def _file(self, request: Request) -> Response:
        return FileResponse(CLIENT / FILES[request.url.path])

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "sessions": self._open, "most": self._limits.sessions})

    async def _metrics_text(self, request: Request) -> Response:
        if not self._access.has_token(request):
            return PlainTextResponse("the token is missing or wrong\n", 401, {"www-authenticate": "Bearer"})
        return Response(self.metrics.text(), headers={"content-type": METRICS_TYPE})

    async def _live(self, socket: WebSocket) -> None:
        for reason, allowed in (("origin", self._access.is_own_page), ("token", self._access.has_token)):
            if not allowed(socket):
                self.metrics.refused.labels(reason).inc()
                await socket.close()  # before it was accepted: an HTTP answer of 403
                return
        await socket.accept()
        try:
            async with self._place():
                await self._converse(socket)
        except Refused as refusal:
            self.metrics.refused.labels(refusal.reason).inc()
            await _close(socket, refusal)

    async def _converse(self, socket: WebSocket) -> None:
        conversation = Conversation(socket, self._pipe, self._limits, self.metrics, self._threads)
        reason = "error"
        try:
            reason = await conversation.hold()
            await socket.close()
        except Refused as refusal:
            reason = refusal.reason
            await _close(socket, refusal)
        except (WebSocketDisconnect, anyio.ClosedResourceError):
            reason = "gone"
        except Exception as error:
            await _close(socket, Refused(server_error(error), "error", SERVER_ERROR))
        finally:
            self.metrics.ended.labels(reason).inc()

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """One of the sessions.

        Raises:
            Refused: all are taken.
        """
        if self._open >= self._limits.sessions:
            raise Refused("The server is busy: try again later.", "busy", TRY_LATER)
        self._open += 1
        self.metrics.sessions.set(self._open)
        try:
            yield
        finally:
            self._open -= 1
            self.metrics.sessions.set(self._open)


async def _close(socket: WebSocket, refusal: Refused) -> None:
    """Tell a client why its session ends, if it is still there."""
    message = {"type": "error", "reason": refusal.reason, "message": str(refusal), "option": refusal.option}
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        if socket.application_state == WebSocketState.CONNECTED:
            await socket.send_json(message)
            await socket.close(refusal.code)
