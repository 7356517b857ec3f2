"""`emo ui`: the web page."""

import argparse
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from emo.cli.arguments import add_pipeline
from emo.cli.spoken import SPEAKER
from emo.errors import OptionError
from emo.ui.limits import LOOPBACK, PictureLimits

LimitsT = TypeVar("LimitsT", bound=PictureLimits)


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "ui",
        help="a web page that animates portraits",
        description="Serve a web page that animates portraits; on this machine alone unless --host or --share say "
        "otherwise. Ctrl-C ends it, and removes all that was uploaded and made.",
    )
    add_pipeline(parser.add_argument_group("model"))

    parser.add_argument(
        "--speaker", help=f"let the page take texts in place of recordings, and speak them by: {SPEAKER}"
    )

    network = parser.add_argument_group("network")
    network.add_argument(
        "--host", default=LOOPBACK[0], help=f"address to listen on (default {LOOPBACK[0]}; 0.0.0.0: all)"
    )
    network.add_argument("--port", type=int, help="default: the first free one from 7860 on")
    network.add_argument("--share", action="store_true", help="a public address, through gradio's servers")
    network.add_argument(
        "--password", nargs="?", const="", help="ask visitors for it; without a value it is asked for here"
    )

    limits = parser.add_argument_group("limits", "Defaults in brackets are for --host and --share.")
    limits.add_argument("--max-upload", type=float, metavar="MB", help="size of a file: 500 [20]")
    limits.add_argument("--max-pixels", type=float, metavar="MP", help="megapixels of a portrait: 100 [25]")
    limits.add_argument("--max-sound", type=float, metavar="S", help="seconds of a recording: no limit [30]")
    limits.add_argument("--max-minutes", type=float, metavar="MIN", help="work for one video: no limit [20]")
    limits.add_argument("--max-steps", type=int, metavar="N", help="denoising steps: 100")
    limits.add_argument("--max-side", type=int, metavar="PX", help="height and width of the frames: 2048 [512]")
    limits.add_argument("--max-queue", type=int, metavar="N", help="how many may wait: 50")
    return parser


def run(options: argparse.Namespace) -> None:
    open_to_others = options.share or options.host not in LOOPBACK
    limits = pick_limits(options, open_to_others)
    password = options.password
    if password == "":
        from getpass import getpass

        password = getpass("password of the page: ")

    from emo.cli.generate import load_pipeline
    from emo.ui.server import serve

    if options.speaker is not None:
        from emo.speech import find_voice

        find_voice(options.speaker)  # said now, not to a visitor
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: nothing is left behind
    pipe = load_pipeline(options)
    if open_to_others and password is None:
        print("emo: whoever reaches this page can use it; --password keeps strangers out", file=sys.stderr)
    network = {name: getattr(options, name) for name in ("host", "port", "share", "speaker")}
    with serve(pipe, limits, password=password, **network) as (local, public):
        print(f"the page is at {local}{f' and {public}' if public else ''} (Ctrl-C ends it)", flush=True)
        threading.Event().wait()


def pick_limits(options: argparse.Namespace, open_to_others: bool):
    """The limits that the options give, over the defaults.

    Raises:
        OptionError: one is not positive.
    """
    from emo.ui.limits import PUBLIC_LIMITS, Limits

    names = {"upload": "max_upload", "pixels": "max_pixels", "sound": "max_sound", "work": "max_minutes"}
    names |= {"steps": "max_steps", "side": "max_side", "queue": "max_queue"}
    return chosen_limits(options, PUBLIC_LIMITS if open_to_others else Limits(), names)


def chosen_limits(options: argparse.Namespace, base: LimitsT, names: Mapping[str, str]) -> LimitsT:
    """Limits with those that options give.

    Args:
        base: the defaults.
        names: of the options, by the limits' names.

    Raises:
        OptionError: one is not positive.
    """
    given = {name: getattr(options, option) for name, option in names.items()}
    for name, value in given.items():
        if value is not None and not value > 0:
            raise OptionError(f"--{names[name].replace('_', '-')} {value} must be more than 0")
    return replace(base, **{name: value for name, value in given.items() if value is not None})
