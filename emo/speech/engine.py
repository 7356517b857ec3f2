"""What an engine of speech is to the rest: a name, voices, and a sound file for a text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

UNKNOWN_LICENSE = "unknown"


@dataclass(frozen=True)
class Voice:
    """Who speaks.

    Attributes:
        engine: name of the engine.
        version: of the engine, or None where it does not tell.
        name: of the voice, as a record of a video may tell it: no folder of this machine.
        license: of the voice, as SPDX names it where it does; `UNKNOWN_LICENSE` where nothing tells.
        place: what the engine finds the voice by, where that is not its name.
    """

    engine: str
    version: str | None
    name: str
    license: str
    place: str | None = None

    def record(self) -> dict[str, str | None]:
        """What a video's origin says of it."""
        return {"engine": self.engine, "version": self.version, "voice": self.name, "license": self.license}


class SpeechEngine(Protocol):
    """An engine. The same text and voice give the same sound each time, so that interrupted videos can be resumed.

    Attributes:
        name: what it is chosen by, before the colon of `engine:voice`.
        advice: how to install it, after "install it: ".
    """

    name: str
    advice: str

    def version(self) -> str | None:
        """Its version, or None where it is not installed."""
        ...

    def voice(self, name: str | None) -> Voice:
        """A voice by its name, or the engine's own choice. Called where the engine is installed.

        Raises:
            OptionError: there is no such voice, or there must be a name.
        """
        ...

    def speak(self, text: str, voice: Voice, path: Path) -> None:
        """Write a sound file of any kind that `emo.media` reads.

        Args:
            text: checked, in Unicode; not empty.
            voice: one of its own.
            path: of the file, which is not there yet; its name ends in .wav.

        Raises:
            SpeechError: it could not.
        """
        ...
