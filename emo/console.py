"""What is said on the terminal: a line at a time, in any encoding, whatever files are called; no library speaks."""

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TextIO

from emo.errors import EmoWarning, command_words
from emo.names import printable

PACKAGE = str(Path(__file__).parent)


def say(line: object) -> None:
    """A line of the result."""
    print(printable(line))


def note(line: object) -> None:
    """A line beside the result."""
    print(f"emo: {printable(line)}", file=sys.stderr)


def any_encoding() -> None:
    """Let the terminal show what its encoding has, and escapes for the rest: no line is worth a run."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def plain_warnings() -> None:
    """Make one line of each of our warnings, and nothing of the libraries'."""
    warnings.showwarning = _show
    ours = logging.getLogger("emo")
    if not ours.handlers:
        ours.addHandler(_Lines(logging.WARNING))


class _Lines(logging.Handler):
    """What is logged, as a line; under it the traceback, if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())
        if record.exc_info:
            print(logging.Formatter().formatException(record.exc_info), file=sys.stderr)


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if isinstance(message, EmoWarning):
        note(message.told(command_words))
    elif category is UserWarning and filename.startswith(PACKAGE):
        note(message)


def quiet_libraries() -> None:
    """Silence transformers, diffusers, xformers, huggingface_hub and the warnings of all but this package."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "0" if sys.stderr.isatty() else "1")
    for name in ("xformers", "torch", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)
    plain_warnings()


def quiet_loading() -> None:
    """Silence the progress bars with which diffusers and transformers load components."""
    import diffusers.utils.logging
    import transformers.utils.logging

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
