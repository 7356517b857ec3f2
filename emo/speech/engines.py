"""The engines by name: those of this package, and those that other packages bring along."""

import importlib.metadata

from emo.errors import OptionError
from emo.speech.engine import SpeechEngine, Voice
from emo.speech.espeak import ESpeak
from emo.speech.flite import Flite
from emo.speech.pico import Pico
from emo.speech.piper import Piper

GROUP = "emo.speech"
"""Entry points of this group are classes of engines, called without arguments; named as the engines are."""

OWN: tuple[SpeechEngine, ...] = (Pico(), ESpeak(), Flite(), Piper())
"""The first that is installed speaks where none is chosen; Piper needs a voice to be named."""


def engine_names() -> list[str]:
    """The names of all engines, installed or not."""
    others = {entry.name for entry in importlib.metadata.entry_points(group=GROUP)}
    return [*(engine.name for engine in OWN), *sorted(others - {engine.name for engine in OWN})]


def find_engine(name: str) -> SpeechEngine:
    """An engine that is installed.

    Raises:
        OptionError: there is none of that name, or it is not installed.
    """
    own = {engine.name: engine for engine in OWN}
    engine = own.get(name)
    if engine is None:
        entries = [entry for entry in importlib.metadata.entry_points(group=GROUP) if entry.name == name]
        if not entries:
            problem = f"{name!r} is no engine of speech; there are {', '.join(engine_names())}"
            raise OptionError(problem, option="speaker")
        engine = entries[0].load()()
    if engine.version() is None:
        raise OptionError(f"{name} is not installed; install it: {engine.advice}", option="speaker")
    return engine


def find_voice(speaker: str | None) -> tuple[SpeechEngine, Voice]:
    """Who is to speak.

    Args:
        speaker: `engine:voice`, or `engine` for its own choice; by default the first engine that is installed.

    Raises:
        OptionError: there is no such engine or voice, or none is installed.
    """
    if speaker is None:
        engine = next((engine for engine in OWN if engine.name != Piper.name and engine.version() is not None), None)
        if engine is None:
            problem = f"no engine of speech is installed; {Pico.advice}, or {ESpeak.advice}"
            raise OptionError(problem, option="speaker")
        return engine, engine.voice(None)
    name, _, voice = speaker.partition(":")
    engine = find_engine(name)
    return engine, engine.voice(voice or None)
