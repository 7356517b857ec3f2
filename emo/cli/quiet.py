"""Keeps the libraries' own messages off the terminal."""

import logging
import os
import sys

from emo.cli.terminal import plain_warnings


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
