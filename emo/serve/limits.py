"""What one client may ask of the live server."""

from dataclasses import dataclass

from emo.ui.limits import PictureLimits


@dataclass(frozen=True)
class LiveLimits(PictureLimits):
    """The bounds of a session, and of all.

    Attributes:
        upload: megabytes of one message, a portrait above all.
        sessions: how many at once.
        seconds: of one session; `None` for no limit.
        silence: seconds without any message, after which a session is ended.
        delay: seconds of sound that may wait.
    """

    upload: float = 20
    sessions: int = 2
    seconds: float | None = None
    silence: float = 60
    delay: float = 30


PUBLIC_LIVE_LIMITS = LiveLimits(pixels=25, side=512, seconds=600)
"""For a server that others can reach."""
