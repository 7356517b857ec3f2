"""`emo serve`: live video for other programs and pages."""

import argparse
import os
import sys
from dataclasses import fields
from typing import Any

from emo.cli.arguments import add_pipeline
from emo.cli.live import live_system
from emo.cli.ui import chosen_limits
from emo.errors import OptionError
from emo.ui.limits import LOOPBACK

PORT = 7870
TOKEN = "EMO_TOKEN"


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "serve",
        help="live video over WebSocket",
        description="Serve live video: a client sends a portrait and then sound, and receives fragmented MP4. On this "
        "machine alone unless --host says otherwise. Ctrl-C ends it.",
    )
    add_pipeline(parser.add_argument_group("model"))

    network = parser.add_argument_group("network")
    network.add_argument(
        "--host", default=LOOPBACK[0], help=f"address to listen on (default {LOOPBACK[0]}; 0.0.0.0: all)"
    )
    network.add_argument("--port", type=int, default=PORT, help=f"default {PORT}; 0: any free one")
    network.add_argument(
        "--token",
        nargs="?",
        const="",
        help=f"ask clients for it; without a value it is asked for here (default: that of {TOKEN}, if it is set)",
    )
    network.add_argument(
        "--origin", action="append", default=[], metavar="URL", help="a page's that may connect; may be repeated"
    )

    limits = parser.add_argument_group("limits", "Defaults in brackets are for --host.")
    limits.add_argument("--max-sessions", type=int, metavar="N", help="how many at once: 2")
    limits.add_argument("--max-seconds", type=float, metavar="S", help="length of a session: no limit [600]")
    limits.add_argument("--max-silence", type=float, metavar="S", help="without any message: 60")
    limits.add_argument("--max-delay", type=float, metavar="S", help="seconds of sound that may wait: 30")
    limits.add_argument("--max-upload", type=float, metavar="MB", help="size of a message, or portrait: 20")
    limits.add_argument("--max-pixels", type=float, metavar="MP", help="megapixels of a portrait: 100 [25]")
    limits.add_argument("--max-steps", type=int, metavar="N", help="denoising steps: 100")
    limits.add_argument("--max-side", type=int, metavar="PX", help="height and width of the frames: 2048 [512]")
    return parser


def run(options: argparse.Namespace) -> None:
    open_to_others = options.host not in LOOPBACK
    limits = pick_limits(options, open_to_others)
    if not 0 <= options.port <= 65535:
        raise OptionError(f"--port {options.port}: give 0 to 65535", option="port")
    token = options.token
    if token is None:
        token = os.environ.get(TOKEN) or None
    elif token == "":
        from getpass import getpass

        token = getpass("token of the server: ")

    from emo.cli.generate import load_pipeline
    from emo.serve.server import Serving

    system = live_system(options.model)
    pipe: Any = load_pipeline(options, system)
    pipe.set_progress_bar_config(disable=True)
    server = Serving(pipe, limits, host=options.host, port=options.port, token=token, origins=options.origin)
    if open_to_others and token is None:
        print("emo: whoever reaches this server can use it; --token keeps strangers out", file=sys.stderr)
    print(f"the server is at {server.address} (Ctrl-C ends it)", flush=True)
    server.run()


def pick_limits(options: argparse.Namespace, open_to_others: bool):
    """The limits that the options give, over the defaults.

    Raises:
        OptionError: one is not positive.
    """
    from emo.serve.limits import PUBLIC_LIVE_LIMITS, LiveLimits

    base = PUBLIC_LIVE_LIMITS if open_to_others else LiveLimits()
    return chosen_limits(options, base, {field.name: f"max_{field.name}" for field in fields(base)})
