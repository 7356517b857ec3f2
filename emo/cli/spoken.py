"""`--text`, `--text-file` and `--speaker`: a text in place of a recording."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from emo.errors import EmoError, OptionError
from emo.files import require_file

if TYPE_CHECKING:
    from emo.media import AudioTrack

TEXTS = {"text": "--text", "text_file": "--text-file"}
SPEAKER = "engine:voice, as espeak-ng:en-us, pico:en-GB, flite:slt or piper:FILE.onnx"


def add_text(parser: argparse._ActionsContainer) -> None:
    """The three options; none is given by default."""
    parser.add_argument("--text", help="what is said, in place of a recording")
    parser.add_argument("--text-file", type=Path, metavar="FILE", help="the same from a file, in UTF-8")
    parser.add_argument(
        "--speaker", help=f"who says it: {SPEAKER} (default: the first engine that is installed; see `emo doctor`)"
    )


def check_said(options: argparse.Namespace) -> dict[Path, type[EmoError]]:
    """See that there is a recording or a text, and not two of them.

    Returns:
        The files among them, each with the error where it is none.

    Raises:
        OptionError: there is not, or the text cannot be spoken.
    """
    from emo.errors import AudioError
    from emo.speech import check_text

    given = [flag for name, flag in TEXTS.items() if getattr(options, name) is not None]
    if options.audio is not None and given:
        raise OptionError(f"{given[0]} and the recording {options.audio}: give one of them", option="text")
    if len(given) > 1:
        raise OptionError(f"{' and '.join(given)}: give one of them", option="text")
    if options.speaker is not None and not given:
        raise OptionError("--speaker does nothing without --text or --text-file", option="speaker")
    if options.text is not None:
        check_text(options.text)
    if options.text_file is not None:
        return {options.text_file: OptionError}
    return {} if options.audio is None else {options.audio: AudioError}


def sound_of(options: argparse.Namespace) -> "Path | AudioTrack":
    """The recording, or what was made of the text.

    Raises:
        OptionError: the text cannot be read or spoken, or nobody is there to speak it.
        SpeechError: the engine fails.
    """
    if options.audio is not None:
        return options.audio
    from emo.speech import speak

    return speak(options.text if options.text_file is None else read_text(options.text_file), options.speaker)


def read_text(path: Path) -> str:
    """The text in a file.

    Raises:
        OptionError: there is no such file, it is too long, or no text.
    """
    from emo.speech import MAX_TEXT

    require_file(path, OptionError)
    with path.open("rb") as file:
        content = file.read(4 * MAX_TEXT + 4)  # bytes that so many characters take at most, and a byte order mark
    try:
        text = content.decode("utf-8-sig", "strict" if len(content) < 4 * MAX_TEXT + 4 else "ignore")
    except UnicodeDecodeError:
        raise OptionError(f"--text-file {path}: no text in UTF-8; save it as such", option="text_file") from None
    return text
