"""`--upscale` and `--upscale-size`: frames enlarged by a network for super-resolution."""

import argparse
from functools import lru_cache
from typing import TYPE_CHECKING

from emo.cli.arguments import pick_device
from emo.errors import OptionError

if TYPE_CHECKING:
    from emo.upscale import Upscaler


def add_upscale(parser: argparse._ActionsContainer) -> None:
    """The two options; none is given by default."""
    parser.add_argument(
        "--upscale",
        metavar="MODEL",
        help="enlarge the frames by a network: a file of safetensors that spandrel knows, or a folder or Hub name of "
        "a Swin2SR",
    )
    parser.add_argument(
        "--upscale-size",
        type=int,
        metavar="PIXELS",
        help="the frames' shorter side after it (default: as large as it makes them)",
    )


def pick_upscaler(options: argparse.Namespace) -> "Upscaler | None":
    """The network on its device, if one is given.

    Raises:
        EmoError: it cannot be used.
    """
    if options.upscale is None:
        if options.upscale_size is not None:
            raise OptionError("--upscale-size does nothing without --upscale", option="upscale_size")
        return None
    return _loaded(options.upscale, pick_device(options.device)).sized(options.upscale_size)


@lru_cache(1)
def _loaded(place: str, device: str) -> "Upscaler":
    """The same for all jobs of a batch."""
    from emo.upscale import load_upscaler

    return load_upscaler(place, device)
