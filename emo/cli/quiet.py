"""Keeps the libraries' own messages off the terminal, and turns our warnings into one plain line."""

import logging
import os
import sys
import warnings
from pathlib import Path

PACKAGE = str(Path(__file__).parents[1])


def quiet_libraries() -> None:
    """Silence transformers, diffusers, xformers, huggingface_hub and the warnings of all but this package."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "0" if sys.stderr.isatty() else "1")
    for name in ("xformers", "torch", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.showwarning = _show


def quiet_loading() -> None:
    """Silence the progress bars with which diffusers and transformers load components."""
    import diffusers.utils.logging
    import transformers.utils.logging

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()


def _show(message, category, filename, lineno, file=None, line=None) -> None:
    if category is UserWarning and filename.startswith(PACKAGE):
        print(f"emo: {message}", file=sys.stderr)
