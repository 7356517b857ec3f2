"""What a synthetic dataset is made of, and what each of its clips shows, by number."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emo.errors import OptionError

SPEEDS = (0.1, 1.9)  # degrees per frame: the range of Table 2
STILL_SHARE = 0.1  # of the clips, whose heads hardly move at all
PEOPLE_PER_SEED = 1_000_000


@dataclass(frozen=True)
class SyntheticConfig:
    """Who there is to draw and to hear, and at what size.

    Attributes:
        seed: two configurations of different seeds have no avatar in common.
        identities: number of avatars.
        portraits: pictures of faces to warp.
        portrait_share: of the clips, warped portraits.
        recordings: sound files of speech.
        speech_share: of the clips, those that take a piece of a recording; the others speak synthetic syllables.
        size: pixels of the square frames.
        seconds: length of a clip; shorter where the recording is.
        fps: frames per second.
        samples: rays per pixel and axis.
        test_share: of the avatars, and of the portraits, those kept for the test split.
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

    def __post_init__(self):
        if self.identities > PEOPLE_PER_SEED:
            raise OptionError(f"identities {self.identities}: a seed has {PEOPLE_PER_SEED}; use several seeds")
        if self.identities == 0 and self.portrait_share < 1:
            raise OptionError(f"identities 0, portrait share {self.portrait_share}: nobody to draw in the other clips")

    def clip_spec(self, index: int) -> "ClipSpec":
        """What clip number `index` shows; the same for the same configuration, whatever else is made."""
        rng = np.random.default_rng((0xC11B, self.seed, index))
        warped = rng.random() < self.portrait_share
        number = int(rng.integers(len(self.portraits))) if warped else index % self.identities
        portrait = self.portraits[number] if warped else None
        recorded = rng.random() < self.speech_share
        still = rng.random() < STILL_SHARE
        return ClipSpec(
            index=index,
            portrait=portrait,
            person=f"portrait-{Path(portrait).stem}-{number}" if portrait else f"avatar-{self.identity(number)}",
            identity=None if warped else self.identity(number),
            split="test" if self._is_test(number) else "train",
            recording=self.recordings[int(rng.integers(len(self.recordings)))] if recorded else None,
            place=float(rng.random()),
            speed=float(rng.uniform(0, SPEEDS[0]) if still else rng.uniform(*SPEEDS)),
            seed=int(rng.integers(2**62)),
        )

    def identity(self, number: int) -> int:
        """Identity seed of avatar `number`."""
        return self.seed * PEOPLE_PER_SEED + number

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

    @property
    def origin(self) -> str:
        """What it is made of, in words."""
        face = self.portrait and Path(self.portrait).name
        sound = self.recording and Path(self.recording).name
        return f"{face or f'identity {self.identity}'}, {sound or 'synthetic speech'}, seed {self.seed}"
