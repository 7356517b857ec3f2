"""The errors a user can cause. Each message names the file or option at fault and says what to do about it.

The command line prints such an error as one line and exits with status 2; everything else is a bug and keeps
its traceback. Errors carry data, front ends choose words: the command line names a remedy as a flag, Python as an
argument, the web page as a field.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass

from emo.names import printable

TRACEBACK = "\nOriginal Traceback (most recent call last):\n"  # in what torch makes of a loader's error


@dataclass(frozen=True)
class Setting:
    """A value of an option that a remedy proposes.

    Attributes:
        option: the option by its Python name, such as "face_region".
        value: what to set it to.
    """

    option: str
    value: str | int | float


def python_words(setting: Setting) -> str:
    """A setting as an argument in Python."""
    return f"{setting.option}={setting.value!r}"


def command_words(setting: Setting) -> str:
    """A setting as a flag of the command line."""
    flag = f"--{setting.option.replace('_', '-')}"
    return flag if setting.value is True else f"{flag} {setting.value}"


class _Told:
    """What errors and warnings have in common: a problem, and data from which each front end makes its own words.

    Attributes:
        problem: what is wrong, naming the file.
        option: the option at fault by its Python name, or None.
        remedy: what to do, with `{}` where the setting goes; or None.
        setting: the setting that the remedy proposes, or None.
    """

    problem: str
    option: str | None = None
    remedy: str | None = None
    setting: Setting | None = None

    def told(self, words: Callable[[Setting], str] = python_words) -> str:
        """One line: the problem and its remedy.

        Args:
            words: how a front end names a setting.
        """
        if self.remedy is None:
            return self.problem
        remedy = self.remedy if self.setting is None else self.remedy.replace("{}", words(self.setting))
        return f"{self.problem}; {printable(remedy)}"


class EmoError(_Told, ValueError):
    """Base of every error that bad input can cause. Its message is one line that can be shown, whatever it names.

    Args:
        problem: what is wrong, naming the file; it may hold the remedy where no front end has words of its own for it.
        option: the option at fault by its Python name.
        remedy: what to do, with `{}` where `setting` goes.
        setting: what the remedy proposes.
    """

    def __init__(
        self,
        problem: object = "",
        *,
        option: str | None = None,
        remedy: str | None = None,
        setting: Setting | None = None,
    ):
        text = str(problem)
        if text.startswith("Caught ") and TRACEBACK in text:  # by torch, in another process: this is its copy
            kind = f"{type(self).__module__}.{type(self).__qualname__}: "
            self.__cause__ = RuntimeError(text)
            text = text.strip().splitlines()[-1].removeprefix(kind)
        self.problem = printable(text)
        self.option = option
        self.remedy = remedy
        self.setting = setting
        super().__init__(self.told())


class EmoWarning(_Told, UserWarning):
    """What goes on all the same, but should be known. As `EmoError`."""

    def __init__(self, problem: str, *, remedy: str | None = None, setting: Setting | None = None):
        self.problem = printable(problem)
        self.remedy = remedy
        self.setting = setting
        super().__init__(self.told())


class ImageError(EmoError):
    """The portrait cannot be read as a picture."""


class FaceError(EmoError):
    """The picture holds no face that can be animated."""


class AudioError(EmoError):
    """The recording cannot be read as sound, or holds too little of it."""


class SpeechError(EmoError):
    """The text cannot be spoken."""


class VideoError(EmoError):
    """The video cannot be read."""


class MotionError(EmoError):
    """The motion cannot be read, or does not fit what it is used with."""


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
        f"{path} cannot be written ({error.strerror}); {advice.get(error.errno or 0, 'choose another place')}"
    )
