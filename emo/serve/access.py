"""Who may speak to the live server: pages of its own or named ones, under its own name, with its token."""

import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from emo.errors import OptionError
from emo.ui.limits import LOOPBACK


class Access:
    """What a request must bring.

    Args:
        host: that the server listens on.
        token: that clients give, in `Authorization: Bearer TOKEN` or as `?token=TOKEN`; None asks for none.
        origins: of pages, besides the server's own, that may connect, as `https://example.org`.

    Attributes:
        hosts: names by which the server may be asked for; on this machine alone these are its own, so that no page
            whose name was made to lead here can.

    Raises:
        OptionError: the token is empty, or an origin is none.
    """

    def __init__(self, host: str, token: str | None, origins: Sequence[str] = ()):
        if token is not None and not token:
            raise OptionError("--token is empty; give one of some length", option="token")
        self._token = token
        self._origins = [_checked(origin) for origin in origins]
        names = [*LOOPBACK, "[::1]", host, *(str(urlsplit(origin).hostname) for origin in self._origins)]
        self.hosts = names if host in LOOPBACK else ["*"]

    def has_token(self, connection: HTTPConnection) -> bool:
        """Whether it brings the token."""
        if self._token is None:
            return True
        header = connection.headers.get("authorization", "")
        given = connection.query_params.get("token", "")
        if header.lower().startswith("bearer "):
            given = header[7:].strip()
        return secrets.compare_digest(given.encode(), self._token.encode())

    def is_own_page(self, connection: HTTPConnection) -> bool:
        """Whether a browser asks from a page that may; programs, which name no origin, may."""
        origin = connection.headers.get("origin")
        if origin is None or origin.lower() in self._origins:
            return True
        return urlsplit(origin).netloc.lower() == connection.headers.get("host", "").lower() != ""


def _checked(origin: str) -> str:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise OptionError(f"--origin {origin}: give one as https://example.org", option="origin")
    return f"{parts.scheme}://{parts.netloc}".lower()
