"""What one visitor may ask of the page."""

from dataclasses import dataclass

from emo.errors import OptionError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses that this machine alone reaches: limits for others do not hold there."""


@dataclass(frozen=True)
class PictureLimits:
    """The bounds of a picture that comes and of those that are made of it.

    Attributes:
        pixels: megapixels of a portrait.
        steps: denoising steps per clip or window.
        side: pixels of the generated picture's height and width.

    Raises:
        OptionError: a limit is not positive; `None`, where it may be, is none.
    """

    pixels: float = 100
    steps: int = 100
    side: int = 2048

    def __post_init__(self):
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise OptionError(f"the limit {name!r} is {value}; it must be more than 0")


@dataclass(frozen=True)
class Limits(PictureLimits):
    """The bounds of one generation, and of the queue; `None` is no limit.

    Attributes:
        upload: megabytes of a file.
        sound: seconds of a recording.
        work: minutes that a generation may take, from its start on.
        queue: how many may wait.
    """

    upload: float | None = 500
    sound: float | None = None
    work: float | None = None
    queue: int = 50


PUBLIC_LIMITS = Limits(upload=20, pixels=25, sound=30, work=20, side=512)
"""For a page that others can reach."""
