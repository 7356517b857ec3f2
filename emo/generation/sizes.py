"""How large the generated pictures are, and how large those that the autoencoder encodes."""

from typing import NamedTuple

from emo.errors import OptionError
from emo.media import MAX_SIDE

EVEN = 2  # pixels, of which a video's sides are multiples


class Sizes(NamedTuple):
    """Heights and widths in pixels.

    Attributes:
        picture: of the generated pictures.
        encoded: of the portrait as it is encoded, which the latents' size follows.
    """

    picture: tuple[int, int]
    encoded: tuple[int, int]


def choose_sizes(
    height: int | None, width: int | None, default: int, multiple: int, encoded: int | None = None
) -> Sizes:
    """The sizes of a generation.

    Args:
        height, width: what was asked for, if anything.
        default: of each where nothing was.
        multiple: what the networks divide the sides of encoded pictures by.
        encoded: the shorter side of encoded pictures, where pictures of any size are drawn from the same latents; the
            longer one is about in proportion. By default pictures are encoded at their own size.

    Raises:
        OptionError: a side is no multiple of what the networks halve, or more than a video can hold.
    """
    least = multiple if encoded is None else encoded
    step = multiple if encoded is None else EVEN
    sides = (_check(height, "height", step, least, default), _check(width, "width", step, least, default))
    if encoded is None:
        return Sizes(sides, sides)
    shorter = min(sides)
    lower, wider = (round(side * encoded / shorter / multiple) * multiple for side in sides)
    return Sizes(sides, (lower, wider))


def _check(value: int | None, name: str, multiple: int, least: int, default: int) -> int:
    side = default if value is None else value
    if side % multiple or not least <= side <= MAX_SIDE:
        most = MAX_SIDE // multiple * multiple
        problem = f"{name} is {side}; it must be one of the multiples of {multiple} from {least} to {most}"
        raise OptionError(problem, option=name)
    return side
