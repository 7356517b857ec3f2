"""Who talks in the report, and what they say."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emo.names import short_names
from emo.search import PICTURES, SOUNDS, find_files


@dataclass(frozen=True)
class Talk:
    """A portrait that is made to talk.

    Attributes:
        name: of its files.
        portrait: the picture.
        sound: the recording.
        seconds: of the recording's beginning that are said.
        long: whether it is the one that drift is read from.
    """

    name: str
    portrait: Path
    sound: Path
    seconds: float
    long: bool = False


def plan_talks(portraits: Path, sounds: Path, out: Path, count: int, seconds: float, long: float) -> list[Talk]:
    """So many portraits of a folder, evenly spaced by name, each with one of the recordings in turn; and a long talk
    of the first one, if there is to be one.

    Raises:
        OptionError: there are no portraits, or no recordings.
    """
    pictures = find_files(portraits, PICTURES, "--portraits", [out])
    recordings = find_files(sounds, SOUNDS, "--sounds", [out])
    chosen = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int)
    named = short_names(pictures[i] for i in chosen)
    talks = [
        Talk(name, path, recordings[number % len(recordings)], seconds)
        for number, (name, path) in enumerate(named.items())
    ]
    first = talks[0]
    return talks + ([Talk(f"{first.name}-long", first.portrait, first.sound, long, long=True)] if long else [])
