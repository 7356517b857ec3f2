"""What a browser that shows the page may do with it: talk to its own server, and to nobody else."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

OWN = "'self' data: blob:"
POLICY = "; ".join(
    (
        f"default-src {OWN}",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # gradio's configuration stands in its page
        "style-src 'self' 'unsafe-inline'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
}

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class OwnServerOnly:
    """ASGI middleware that puts a Content-Security-Policy and HEADERS on every answer.

    Args:
        app: the application.
        policy: the gradio page's by default.
    """

    def __init__(self, app, policy: str = POLICY):
        self.app = app
        self.headers = {b"content-security-policy": policy.encode(), **HEADERS}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                others = [(name, value) for name, value in message["headers"] if name.lower() not in self.headers]
                message = {**message, "headers": [*others, *self.headers.items()]}
            await send(message)

        await self.app(scope, receive, send_with_headers)
