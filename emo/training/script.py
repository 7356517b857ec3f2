"""What every training script has: its arguments, one way from them to the loop, and mistakes said in a line.

def main() -> int:
    return train_stage(ImageStage, ImageConfig, __doc__)

if __name__ == "__main__":
    sys.exit(run(main))
"""

import argparse
import errno
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import diffusers.utils.logging
import transformers.utils.logging
from accelerate import Accelerator

from emo.config import load_config
from emo.console import quiet_libraries, quiet_loading
from emo.errors import EmoError
from emo.training.loop import make_accelerator, train
from emo.training.resume import find_checkpoint
from emo.training.stage import Stage

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class RunSettings(NamedTuple):
    """What a training script is told.

    Attributes:
        config: an object of the script's schema.
        resume: `None`, "latest" or a checkpoint's folder.
    """

    config: Any
    resume: str | None


def load_settings(schema: type, arguments: Sequence[str] | None = None, description: str | None = None) -> RunSettings:
    """Read `--config FILE [--resume latest|FOLDER] [key=value ...]`.

    Args:
        schema: dataclass of the configuration; its defaults stand where file and arguments are silent.
        arguments: of the command line, its own by default.

    Raises:
        ConfigError: the file cannot be read, or a key is unknown, missing, of the wrong kind or out of its bounds, or
            the checkpoint to go on from is not there; the message names it.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, help="YAML file, such as configs/train/emo-tiny/stage1.yaml")
    parser.add_argument("--resume", metavar="latest|FOLDER", help="go on from a checkpoint, if there is one")
    parser.add_argument("--debug", action="store_true", help="show the libraries' messages and tracebacks")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="such as train.steps=100")
    options = parser.parse_intermixed_args(arguments)
    config = load_config(schema, options.config, options.overrides)
    find_checkpoint(Path(config.train.output), options.resume)  # or what is wrong with it is said after minutes
    return RunSettings(config, options.resume)


def train_stage(stage: Callable[[Any, Accelerator], Stage[Any, Any]], schema: type, description: str | None) -> int:
    """A script's whole way: settings, accelerator, stage, loop.

    Args:
        stage: makes the stage from an object of `schema` and the accelerator.
        schema: dataclass of the configuration, whose `train` is a `LoopConfig`.
        description: of the script, for `--help`.

    Returns:
        Exit status; see `emo.training.loop.train`.
    """
    config, resume = load_settings(schema, description=description)
    accelerator = make_accelerator(config.train)
    return train(stage(config, accelerator), config.train, accelerator, resume)


def run(main: Callable[[], int | None]) -> int:
    """Run a script's main function; returns its exit status, 2 after an error that the user can mend."""
    debug = "--debug" in sys.argv
    if not debug:
        quiet_libraries()
        quiet_loading()
        diffusers.utils.logging.set_verbosity_error()  # they are imported already, and have read their environment
        transformers.utils.logging.set_verbosity_error()
        threading.excepthook = _thread_failed
    try:
        return main() or 0
    except EmoError as error:
        if debug:
            raise
        print(f"train: {error}", file=sys.stderr)
        return 2


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """TensorBoard's thread fails where a disk is full, and so does the main thread, which says it in a line."""
    if getattr(failure.exc_value, "errno", None) not in FULL:
        threading.__excepthook__(failure)
