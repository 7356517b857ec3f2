"""The `emo` command: parses, calls, prints."""

import argparse
import sys
from collections.abc import Sequence

from emo import __version__
from emo.cli import cache, doctor, evaluate, generate, init, inspect, prepare, pull, push, synthesize, ui
from emo.cli.quiet import quiet_libraries
from emo.errors import EmoError

COMMANDS = (generate, ui, init, synthesize, prepare, inspect, cache, evaluate, push, pull, doctor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 2 for bad input, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="emo", description="One portrait and one recording become a talking video.")
    parser.add_argument("--version", action="version", version=f"emo {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        command = module.add_parser(commands)
        command.add_argument("--debug", action="store_true", help="show the libraries' messages and tracebacks")
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    if not options.debug:
        quiet_libraries()
    try:
        options.run(options)
    except EmoError as error:
        if options.debug:
            raise
        print(f"emo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("emo: stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
