"""What is wrong, as the page says it: in a sentence beside the field it concerns, and of the server nothing."""

import logging
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emo.errors import AudioError, EmoError, EmoWarning, OptionError, Setting

OPTIONS = "options"
"""The place of errors that concern no field in view."""
INPUTS = {"image": "portrait", "audio": "sound"}
"""The page's own fields by the names that errors have for them."""

_warnings = threading.Lock()  # the warnings module's filters belong to the whole process
logger = logging.getLogger(__name__)


class FieldError(Exception):
    """What is wrong with one field, as a sentence.

    Attributes:
        field: "portrait", "sound", the argument of an option, or OPTIONS.
    """

    def __init__(self, field: str, sentence: str):
        super().__init__(sentence)
        self.field = field


def page_words(setting: Setting) -> str:
    """A setting that an error proposes, as the field and what to write there."""
    return f"the {setting.option.replace('_', ' ')} “{setting.value}”"


@contextmanager
def field_errors(field: str, path: str | Path | None = None) -> Iterator[None]:
    """Turn an EmoError into a field's.

    Args:
        field: to blame where the error names no option.
        path: the file on the server that the error may be about; its name alone is told.

    Raises:
        FieldError: in place of the EmoError.
    """
    try:
        yield
    except EmoError as error:
        raise FieldError(_field_of(error, field), sentence(error.told(page_words), path)) from error


@contextmanager
def captured_notes() -> Iterator[list[str]]:
    """Collect the package's warnings as sentences."""
    notes: list[str] = []
    with _warnings, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield notes
        for warning in caught:
            if isinstance(warning.message, EmoWarning):
                notes.append(sentence(warning.message.told(page_words)))
            elif warning.category is UserWarning and _ours(warning.filename):
                notes.append(sentence(str(warning.message)))


def sentence(text: str, path: str | Path | None = None) -> str:
    """A message as a sentence, without the server's folders.

    Args:
        path: a file on the server that it may name.
    """
    name = None if path is None else Path(path).name
    if name is not None:
        text = text.replace(str(path), name)
    text = text.replace(tempfile.gettempdir(), "the server's temporary folder")
    text = text.removeprefix("portrait: ").removeprefix("the sound: ").strip().rstrip(".")
    first = text[:1] if name and text.startswith(name) else text[:1].upper()
    return f"{first}{text[1:]}."


def server_error(error: Exception) -> str:
    """What strangers are told of anything else: of the server's own troubles, nothing."""
    if isinstance(error, EmoError):
        logger.error("a generation failed: %s", error)
    else:
        logger.exception("a generation failed")
    return "The server could not make this video; its log says why. Try again."


def _field_of(error: EmoError, default: str) -> str:
    """The field that an error blames: of its option, or of the kind of input that it is about."""
    if error.option is not None:
        return INPUTS.get(error.option, error.option)
    return "sound" if isinstance(error, AudioError) else OPTIONS if isinstance(error, OptionError) else default


def _ours(filename: str) -> bool:
    return str(Path(__file__).parents[1]) in filename
