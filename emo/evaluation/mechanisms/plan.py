"""The videos on which mechanisms are measured: people and voices never trained on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EvalClip:
    """One video to measure; what a family does with it is in a class of its own.

    Attributes:
        name: of its files.
        seconds: its length.
        person: number of a held-out person.
        picture: path of a portrait, in a person's place.
        voice: number of the held-out voice; the person's own by default.
        truth: the synthesizer's own clip, not generated.
        model: "model", or what it is compared with: the folder it is generated from, by its name in the settings.
    """

    name: str
    seconds: float
    person: int = 0
    picture: str | None = None
    voice: int | None = None
    truth: bool = False
    model: str = "model"

    @property
    def heard(self) -> int:
        """Number of the voice that is heard."""
        return self.person if self.voice is None else self.voice


@dataclass(frozen=True)
class EvaluationSize:
    """How much is measured.

    Attributes:
        talks: people who talk.
        seconds: of each talk.
        gallery: portraits to tell the people from.
        few: people of the other rows.
        brief: seconds of each of their clips.
        long: seconds of the long video.
    """

    talks: int = 20
    seconds: float = 5.0
    gallery: int = 50
    few: int = 6
    brief: float = 3.0
    long: float = 60.0
