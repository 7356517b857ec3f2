"""What one visitor may ask of the page."""

from dataclasses import dataclass

from emo.errors import OptionError


@dataclass(frozen=True)
class Limits:
    """The bounds of one generation, and of the queue.

    Attributes:
        upload: megabytes of a file; `None`, here and below, for no limit.
        pixels: megapixels of a portrait.
        sound: seconds of a recording.
        work: minutes that a generation may take, from its start on.
        steps: denoising steps per clip or window.
        side: pixels of the generated picture's height and width.
        queue: how many may wait.

    Raises:
        OptionError: a limit is not positive.
    """

    upload: float | None = 500
    pixels: float = 100
    sound: float | None = None
    work: float | None = None
    steps: int = 100
    side: int = 2048
    queue: int = 50

    def __post_init__(self):
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise OptionError(f"the limit {name!r} is {value}; it must be more than 0")


PUBLIC_LIMITS = Limits(upload=20, pixels=25, sound=30, work=20, side=512)
"""For a page that others can reach."""
