"""The `emo` command: parses, calls, prints."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence

from emo import __version__
from emo.cli import (
    batch,
    cache,
    doctor,
    drive,
    evaluate,
    init,
    inspect,
    live,
    motion,
    prepare,
    pull,
    push,
    serve,
    synthesize,
    ui,
)
from emo.cli.arguments import with_values
from emo.console import any_encoding, note, quiet_libraries
from emo.cpu import prepare_threads
from emo.errors import EmoError, command_words

COMMANDS = (
    batch,
    drive,
    live,
    ui,
    serve,
    init,
    synthesize,
    prepare,
    motion,
    inspect,
    cache,
    evaluate,
    push,
    pull,
    doctor,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 2 for bad input, 130 when interrupted."""
    prepare_threads()
    parser = argparse.ArgumentParser(prog="emo", description="One portrait and one recording become a talking video.")
    parser.add_argument("--version", action="version", version=f"emo {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        command = module.add_parser(commands)
        command.add_argument("--debug", action="store_true", help="show the libraries' messages and tracebacks")
        command.set_defaults(run=module.run)
    any_encoding()
    options = parser.parse_args(with_values(sys.argv[1:] if arguments is None else arguments))
    if not options.debug:
        quiet_libraries()
    try:
        options.run(options)
    except EmoError as error:
        if options.debug:
            raise
        note(error.told(command_words))
        return 2
    except BrokenPipeError:  # whoever read what is printed has had enough, as `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except OSError as error:
        if options.debug or not (problem := system_problem(error)):
            raise
        note(problem)
        return 2
    except KeyboardInterrupt:
        note("stopped")
        return 130
    return 0


def system_problem(error: OSError) -> str | None:
    """What to say of a file that the system does not give, or of a full disk; None for what is no matter of files."""
    if error.filename is not None:
        name = error.filename if isinstance(error.filename, int) else os.fsdecode(error.filename)
        return f"{name} cannot be read or written ({error.strerror})"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}; free space and repeat"
    return None


if __name__ == "__main__":
    sys.exit(main())
