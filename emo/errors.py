"""The errors a user can cause. Each message names the file or option at fault and says what to do about it.

The command line prints such an error as one line and exits with status 2; everything else is a bug and keeps
its traceback.
"""

import errno
import os

from emo.names import printable

TRACEBACK = "\nOriginal Traceback (most recent call last):\n"  # in what torch makes of a loader's error


class EmoError(ValueError):
    """Base of every error that bad input can cause. Its message is one line that can be shown, whatever it names."""

    def __init__(self, message: object = ""):
        text = str(message)
        if text.startswith("Caught ") and TRACEBACK in text:  # by torch, in another process: this is its copy
            kind = f"{type(self).__module__}.{type(self).__qualname__}: "
            self.__cause__ = RuntimeError(text)
            text = text.strip().splitlines()[-1].removeprefix(kind)
        super().__init__(printable(text))


class ImageError(EmoError):
    """The portrait cannot be read as a picture."""


class FaceError(EmoError):
    """The picture holds no face that can be animated."""


class AudioError(EmoError):
    """The recording cannot be read as sound, or holds too little of it."""


class VideoError(EmoError):
    """The video cannot be read."""


class OutputError(EmoError):
    """The result cannot be written."""


class WeightsError(EmoError):
    """The weights are missing, incomplete, of other shapes than expected, or not safetensors."""


class HubError(EmoError):
    """The Hugging Face Hub cannot be reached, does not know the repository, or does not allow what is asked."""


class ConfigError(EmoError):
    """A configuration holds an unknown key or a value of the wrong kind."""


class OptionError(EmoError):
    """An option has a value that cannot be used."""


class DatasetError(EmoError):
    """A folder of training clips is missing, damaged, or not what is asked for."""


class GenerationError(EmoError):
    """The networks gave numbers of which no picture can be made."""


class ResumeError(EmoError):
    """An interrupted generation cannot be continued with these inputs or options."""


def first_line(error: Exception) -> str:
    """The first line of what a library says, or the kind of its error where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def unwritable(path: str | os.PathLike, error: OSError) -> OutputError:
    """What to say of an output for which the system says no."""
    advice = {
        errno.ENOSPC: "free space and repeat",
        errno.EDQUOT: "free space and repeat",
        errno.ENAMETOOLONG: "choose a shorter name",
    }
    return OutputError(
        f"{path} cannot be written ({error.strerror}); {advice.get(error.errno, 'choose another place')}"
    )
