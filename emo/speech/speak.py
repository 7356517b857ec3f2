"""A text, spoken."""

import tempfile
import unicodedata
from pathlib import Path

import numpy as np

from emo.errors import AudioError, OptionError, SpeechError
from emo.media import SAMPLE_RATE, AudioTrack
from emo.media.audio import ArraySound
from emo.speech.engines import find_voice

MAX_TEXT = 20_000
"""Characters: about twenty minutes of speech."""

FULL_SCALE = 1 << 15


def check_text(text: str) -> str:
    """A text as it is spoken: without control characters, which are commands to some engines.

    Raises:
        OptionError: nothing in it can be spoken, or it is too long.
    """
    if len(text) > MAX_TEXT:
        problem = f"the text has {len(text)} characters, and at most {MAX_TEXT} are spoken; make several videos of it"
        raise OptionError(problem, option="text")
    plain = "".join(sign if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cs") else " " for sign in text)
    if not any(map(str.isalnum, plain)):
        raise OptionError("the text is empty, or there is no word in it", option="text")
    return plain


def speak(text: str, speaker: str | None = None, *, sampling_rate: int = SAMPLE_RATE) -> AudioTrack:
    """The sound of a text, for a pipeline in place of a recording. Videos made of it tell engine, voice and license.

    Args:
        text: of any length up to `MAX_TEXT` characters.
        speaker: `engine:voice`, such as `espeak-ng:en-us`; the first engine that is installed by default.
        sampling_rate: of the track, in Hz.

    Returns:
        The track, in memory at its full quality; its attribute `speech` tells who speaks.

    Raises:
        OptionError: the text cannot be spoken, or there is no such speaker.
        SpeechError: the engine fails.
    """
    plain = check_text(text)
    engine, voice = find_voice(speaker)
    with tempfile.TemporaryDirectory(prefix="emo-speech-") as folder:
        path = Path(folder) / "speech.wav"
        engine.speak(plain, voice, path)
        try:
            with AudioTrack.open(path) as made:
                samples = np.concatenate([_sixteen_bits(block) for block in made.blocks()])
                sound = ArraySound(samples.T, made.source_rate, voice.record())
        except AudioError as error:
            raise SpeechError(f"{engine.name}: what it made is no sound ({error.problem})") from error
    return AudioTrack.open(sound, sampling_rate=sampling_rate)


def _sixteen_bits(block: np.ndarray) -> np.ndarray:
    return (block * FULL_SCALE).round().clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
