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
    b"content-security-policy": POLICY.encode(),
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
}

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class OwnServerOnly:
    """ASGI middleware that puts HEADERS on every answer."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                others = [(name, value) for name, value in message["headers"] if name.lower() not in HEADERS]
                message = {**message, "headers": [*others, *HEADERS.items()]}
            await send(message)

        await self.app(scope, receive, send_with_headers)
