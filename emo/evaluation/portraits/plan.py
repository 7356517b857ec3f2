"""Who talks in the report, and what they say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emo.names import short_names


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


def plan_talks(portraits: Sequence[Path], sounds: Sequence[Path], seconds: float, long: float) -> list[Talk]:
    """Each portrait with one of the recordings in turn; and a long talk of the first one, if there is to be one.

    Args:
        portraits: one or more.
        sounds: one or more.
        seconds: of each talk.
        long: seconds of the long one; 0 for none.
    """
    talks = [
        Talk(name, path, sounds[number % len(sounds)], seconds)
        for number, (name, path) in enumerate(short_names(portraits).items())
    ]
    first = talks[0]
    return talks + ([Talk(f"{first.name}-long", first.portrait, first.sound, long, long=True)] if long else [])
