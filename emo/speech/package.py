"""Engines that are Python packages, each run by a script in a process of its own.

A crash in their native code costs a message, and code under other licenses is not loaded into this process.
"""

import importlib.metadata
import sys
from pathlib import Path

from emo.speech.program import run_program

SCRIPTS = Path(__file__).with_name("processes")


def installed(package: str) -> str | None:
    """The version of a package, or None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def run_script(script: str, arguments: list[str], text: str, path: Path, name: str) -> None:
    """Let a script of `processes` read a text and write a sound file; see `run_program`."""
    run_program([sys.executable, "-X", "utf8", str(SCRIPTS / script), *arguments, str(path)], text, path, name)
