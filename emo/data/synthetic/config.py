"""What a synthetic dataset is made of, and what each of its clips shows, by number."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from emo.data.synthetic.alteration import Alteration, AlterationShares, draw_alteration
from emo.data.synthetic.motion.instructions import INSTRUCTIONS
from emo.errors import OptionError

SPEEDS = (0.1, 1.9)  # degrees per frame: the range of Table 2
STILL_SHARE = 0.1  # of the clips, whose heads hardly move at all
PEOPLE_PER_SEED = 1_000_000
EDITIONS = (1, 2)
NEWEST = EDITIONS[-1]
EARLIER = {
    "edition": 1,
    "instructed_share": 0.0,
    "pictures": True,
    "people": [],
    "alterations": asdict(AlterationShares()),
    "landmarks": False,
}
"""What recipes say that do not say it: they were written before there was a choice."""


@dataclass(frozen=True)
class SyntheticConfig:
    """Who there is to draw and to hear, and at what size.

    Attributes:
        seed: two configurations of different seeds have no avatar in common.
        identities: number of avatars.
        portraits: pictures of faces to warp.
        portrait_share: of the clips, warped portraits.
        people: by name, who is in each portrait; empty: somebody else in each.
        alterations: of the clips of portraits, those that are changed in each way.
        landmarks: label clips with their 478 landmarks; tracks of portraits alone, for those of avatars are found in
            pictures.
        recordings: sound files of speech.
        speech_share: of the clips, those that take a piece of a recording; the others speak synthetic syllables.
        size: pixels of the square frames.
        seconds: length of a clip; shorter where the recording is.
        fps: frames per second.
        samples: rays per pixel and axis.
        test_share: of the avatars, and of the portraits, those kept for the test split.
        edition: of the motion: 1 lets heads, eyes and brows move whatever is said, and mouths of synthetic speech by
            loudness; 2 moves all with the sound, mouths as `emo.articulation` hears it, in a mood.
        instructed_share: of the clips, those in which somebody does as told, without a word; edition 2 alone.
        pictures: draw the clips; else they are tracks: sound and labels.
    """

    seed: int
    identities: int
    portraits: Sequence[str] = ()
    portrait_share: float = 0.0
    recordings: Sequence[str] = ()
    speech_share: float = 0.0
    size: int = 128
    seconds: float = 5.0
    fps: float = 25.0
    samples: int = 1
    test_share: float = 0.1
    edition: int = NEWEST
    instructed_share: float = 0.0
    pictures: bool = True
    people: Sequence[str] = ()
    alterations: AlterationShares = field(default_factory=AlterationShares)
    landmarks: bool = False

    def __post_init__(self):
        if self.identities > PEOPLE_PER_SEED:
            raise OptionError(f"identities {self.identities}: a seed has {PEOPLE_PER_SEED}; use several seeds")
        if self.identities == 0 and self.portrait_share < 1:
            raise OptionError(f"identities 0, portrait share {self.portrait_share}: nobody to draw in the other clips")
        if self.edition not in EDITIONS:
            raise OptionError(f"edition {self.edition}: must be 1 or 2", option="edition")
        if self.instructed_share and self.edition == 1:
            raise OptionError("instructed share: the first edition of motion knows no instructions; leave it out")
        if self.people and len(self.people) != len(self.portraits):
            raise OptionError(f"{len(self.people)} names of people for {len(self.portraits)} portraits")

    def clip_spec(self, index: int) -> "ClipSpec":
        """What clip number `index` shows; the same for the same configuration, whatever else is made."""
        rng = np.random.default_rng((0xC11B, self.seed, index))
        warped = rng.random() < self.portrait_share
        number = int(rng.integers(len(self.portraits))) if warped else index % self.identities
        portrait = self.portraits[number] if warped else None
        person = self._portrayed(number) if warped else number
        split = self._split(person)
        alteration = self._alteration(index, person) if warped else None
        avatar = None if warped else self.identity(number)
        recorded = rng.random() < self.speech_share
        still = rng.random() < STILL_SHARE
        spec = ClipSpec(
            index=index,
            portrait=portrait,
            person=f"avatar-{avatar}" if alteration is None else self._name(person) + alteration.variants,
            identity=avatar,
            split=split,
            recording=self.recordings[int(rng.integers(len(self.recordings)))] if recorded else None,
            place=float(rng.random()),
            speed=float(rng.uniform(0, SPEEDS[0]) if still else rng.uniform(*SPEEDS)),
            seed=int(rng.integers(2**62)),
            alteration=alteration,
            partners=() if alteration is None else self._portraits_of(alteration.partner),
        )
        return spec if self.edition == 1 else self._second(spec, still)

    def _second(self, spec: "ClipSpec", still: bool) -> "ClipSpec":
        """The clip in the second edition: slower heads are as many as faster ones, some do as told."""
        rng = np.random.default_rng((0xC11B2, self.seed, spec.index))
        speed = spec.speed if still else float(np.exp(rng.uniform(*np.log(SPEEDS))))
        if rng.random() >= self.instructed_share:
            return replace(spec, speed=speed)
        instruction = list(INSTRUCTIONS)[int(rng.integers(len(INSTRUCTIONS)))]
        return replace(spec, speed=float(rng.uniform(0, SPEEDS[0])), recording=None, instruction=instruction)

    def identity(self, number: int) -> int:
        """Identity seed of avatar `number`."""
        return self.seed * PEOPLE_PER_SEED + number

    def _alteration(self, index: int, person: int) -> Alteration:
        """What clip `index` changes about the portrait of person `person`."""
        cast = range(len(_numbered(tuple(self.people)).names) if self.people else len(self.portraits))
        others = [other for other in cast if other != person and self._split(other) == self._split(person)]
        return draw_alteration(self.alterations, self.seed, index, person, others)

    def _portrayed(self, portrait: int) -> int:
        """Number of the person in a portrait."""
        return _numbered(tuple(self.people)).number[portrait] if self.people else portrait

    def _name(self, person: int) -> str:
        """Of a portrayed person."""
        if self.people:
            return f"portrait-{_numbered(tuple(self.people)).names[person]}"
        return f"portrait-{Path(self.portraits[person]).stem}-{person}"

    def _portraits_of(self, person: int | None) -> tuple[str, ...]:
        """All pictures of a person."""
        return tuple(path for number, path in enumerate(self.portraits) if self._portrayed(number) == person)

    def _split(self, number: int) -> str:
        return "test" if self._is_test(number) else "train"

    def _is_test(self, number: int) -> bool:
        """Of the first n people, round(n * test_share) are; so both splits fill from the start."""
        return round((number + 1) * self.test_share) > round(number * self.test_share)


@dataclass(frozen=True)
class ClipSpec:
    """One clip.

    Attributes:
        index: its number.
        person: who it shows, by name.
        split: "train" or "test".
        identity: an avatar's seed, or None.
        portrait: path of a picture to warp, or None.
        recording: path of a sound file, or None for synthetic speech.
        place: in the recording, 0 ... 1.
        speed: mean head rotation in degrees per frame.
        seed: of everything else.
        instruction: what is done without a word, a key of `INSTRUCTIONS`, or None.
        alteration: of the portrait, or None.
        partners: pictures of the person who is mixed into the portrait.
    """

    index: int
    person: str
    split: str
    identity: int | None
    portrait: str | None
    recording: str | None
    place: float
    speed: float
    seed: int
    instruction: str | None = None
    alteration: Alteration | None = None
    partners: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """What it is made of, in words."""
        face = self.portrait and Path(self.portrait).name
        sound = self.instruction or (self.recording and Path(self.recording).name)
        if face and self.alteration is not None:
            face += self.alteration.describe(" or ".join(Path(path).name for path in self.partners))
        sound = self.recording and Path(self.recording).name
        return f"{face or f'identity {self.identity}'}, {sound or 'synthetic speech'}, seed {self.seed}"


@dataclass(frozen=True)
class _Cast:
    """The people in portraits: their names, in the order in which they appear, and who is in each portrait."""

    names: list[str]
    number: list[int]


@lru_cache
def _numbered(people: tuple[str, ...]) -> _Cast:
    names = list(dict.fromkeys(people))
    place = {name: number for number, name in enumerate(names)}
    return _Cast(names, [place[name] for name in people])
