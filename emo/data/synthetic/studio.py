"""One synthetic clip from its plan: who speaks what, how the head moves; drawn, labeled, with sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from emo.data.synthetic.articulation import articulate_recording, articulate_speech
from emo.data.synthetic.avatar import AvatarRenderer
from emo.data.synthetic.identity import draw_identities
from emo.data.synthetic.labels import FaceLabels
from emo.data.synthetic.motion import Motion, make_motion
from emo.data.synthetic.speech import SAMPLE_RATE, synthesize
from emo.data.synthetic.warp import PortraitWarper
from emo.errors import FaceError, OptionError
from emo.media import AudioTrack, load_image

SPEEDS = (0.1, 1.9)  # degrees per frame: the range of Table 2
STILL_SHARE = 0.1  # of the clips, whose heads hardly move at all
PEOPLE_PER_SEED = 1_000_000


@dataclass(frozen=True)
class Cast:
    """Who there is to draw and to hear, and at what size.

    seed: two casts of different seeds have no avatar in common.
    identities: number of avatars. portraits: pictures of faces to warp. portrait_share: of the clips, warped ones.
    recordings: sound files of speech. speech_share: of the clips, those that take a piece of a recording; the others
        speak synthetic syllables.
    size: pixels. seconds: length of a clip; shorter where the recording is. fps. samples: rays per pixel and axis.
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

    def plan(self, index: int) -> ClipPlan:
        """What clip number `index` shows; the same for the same cast, whatever else is made."""
        rng = np.random.default_rng((0xC11B, self.seed, index))
        warped = rng.random() < self.portrait_share
        number = int(rng.integers(len(self.portraits))) if warped else index % self.identities
        portrait = self.portraits[number] if warped else None
        recorded = rng.random() < self.speech_share
        still = rng.random() < STILL_SHARE
        return ClipPlan(
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
        """Of the first n people, round(n · test_share) are; so both splits fill from the start."""
        return round((number + 1) * self.test_share) > round(number * self.test_share)


@dataclass(frozen=True)
class ClipPlan:
    """One clip: an avatar's identity seed or a portrait's path, a recording and the place 0 … 1 in it or None for
    synthetic speech, the head's mean rotation speed in degrees per frame, and the seed of everything else."""

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


@dataclass(frozen=True)
class Take:
    """A drawn clip.

    frames: (T, size, size, 3) uint8 RGB. waveform: (N,) float32 at 16 kHz, T = ceil(N · fps / 16000). labels: by name,
    each (T, ...) float32: every field of `Motion` and of `FaceLabels`.
    """

    frames: np.ndarray
    waveform: np.ndarray
    labels: dict[str, np.ndarray]


class Studio:
    """Draws the clips of a cast.

    Args:
        cast: the people, voices and sizes.
        device: where avatars are drawn.
        compile: see `AvatarRenderer`.
    """

    def __init__(self, cast: Cast, device: str = "cpu", compile: bool = False):
        self.cast = cast
        batch = 8 if device == "cpu" else 128
        self._renderer = AvatarRenderer(cast.size, samples=cast.samples, device=device, compile=compile, batch=batch)
        self._warper = lru_cache(maxsize=32)(lambda path: open_portrait(path, cast.size))
        self._track = lru_cache(maxsize=32)(lambda path: AudioTrack.open(path, SAMPLE_RATE))

    def shoot(self, plan: ClipPlan) -> Take:
        """Draw one clip.

        Raises:
            EmoError: the portrait or the recording cannot be used.
        """
        if plan.recording is None:
            speech = synthesize(plan.seed, self.cast.seconds)
            waveform, mouth = speech.waveform, articulate_speech(speech, self.cast.fps)
        else:
            waveform = self._excerpt(plan)
            mouth = articulate_recording(waveform, self.cast.fps)
        motion = make_motion(mouth, plan.speed, plan.seed, self.cast.fps)
        if plan.portrait is None:
            person = draw_identities([plan.identity])
            frames, labels = self._renderer.render(person, motion), self._renderer.labels(person, motion)
        else:
            warper = self._warper(plan.portrait)
            frames, labels = warper.render(motion), warper.labels(motion)
        return Take(frames.cpu().numpy(), waveform, _arrays(motion, labels))

    def _excerpt(self, plan: ClipPlan) -> np.ndarray:
        """The piece of the recording at the plan's place."""
        track = self._track(plan.recording)
        length = min(round(self.cast.seconds * SAMPLE_RATE), track.length)
        start = int(plan.place * (track.length - length + 1))
        return track.read(start, start + length)


def open_portrait(path: str, size: int) -> PortraitWarper:
    """A picture file to warp.

    Raises:
        ImageError: it cannot be read.
        FaceError: there is no face in it.
    """
    try:
        return PortraitWarper(np.asarray(load_image(path)), size)
    except FaceError as error:
        raise FaceError(f"{path}: {error}") from None


def _arrays(motion: Motion, labels: FaceLabels) -> dict[str, np.ndarray]:
    tensors = {f.name: getattr(part, f.name) for part in (motion, labels) for f in fields(part)}
    return {name: tensor.to(torch.float32).cpu().numpy() for name, tensor in tensors.items()}
