"""The videos on which GoHD's mechanisms are measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from emo.evaluation.mechanisms.generator import FPS, Generator
from emo.evaluation.mechanisms.motion_videos import AT_REST
from emo.evaluation.mechanisms.plan import EvalClip, EvaluationSize
from emo.evaluation.mechanisms.subjects import (
    MotionClip,
    Subject,
    check_extent,
    clip_of,
    common_clips,
    people,
    real_people,
    talks,
    with_truth,
)
from emo.motion.gohd import EXPRESSION, GAZE, POSE

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)  # lambda
GAMMAS = (0.0, 0.4, 1.0)
USUAL_GAMMA = 0.4
SEEDS = range(3)
TURNED = {"left": (-15.0, 6.0, 0.5), "right": (15.0, -6.0, 0.5)}
"""Yaw, pitch and jaw of pictures that are to become frontal and neutral."""

MIXED = {"pose": POSE, "expression": EXPRESSION, "gaze": GAZE}
"""Parts of a motion that are taken from three people."""


@dataclass(frozen=True)
class GoHDClip(MotionClip):
    """One video of GoHD's.

    Attributes:
        seed: of the noise, among others of the same voice.
        turned: yaw, pitch and jaw of the picture that is animated, where it is not the person's usual one.
        eyes: number of the voice whose lids and brows are told, in place of stage 2's.
        parts: numbers of people whose true clips are followed, by part of `MIXED`.
    """

    seed: int = 0
    turned: tuple[float, float, float] | None = None
    eyes: int | None = None
    parts: dict[str, int] = field(default_factory=dict)


def is_learned(pipe: Any) -> bool:
    """Whether the animator is the paper's kind, which moves along directions of a latent; a mesh has none."""
    return callable(getattr(pipe.animator, "directions", None))


def sources(subject: Subject, extent: EvaluationSize) -> dict[str, int]:
    """Of whom each part of a mixed motion is."""
    return {part: (subject.driver + k) % extent.gallery for k, part in enumerate(MIXED)}


def plan_clips(extent: EvaluationSize, generator: Generator, pictures: Mapping[str, str]) -> list[EvalClip]:
    """All videos, talks first; see `Family`.

    Raises:
        OptionError: talks have no borders of windows, or there are too few people to tell apart.
    """
    pipe = generator.pipe()
    check_extent(extent, pipe, gallery=len(MIXED) + 1)
    clips: list[EvalClip] = [*talks(GoHDClip, extent)]
    if "no_attention" in generator.settings.models:
        clips += [GoHDClip(f"plain-{p}", extent.seconds, p, model="no_attention") for p in range(extent.few)]
    for subjects, truth in ((people(extent), True), (real_people(pictures), False)):
        clips += common_clips(GoHDClip, subjects, extent, truth)
        for subject in subjects:
            clips += _asked(subject, extent, truth)
    for subject in people(extent):
        clips += _heard(subject, extent.brief)
        if is_learned(pipe):
            clips += _neutral(subject)
    return clips


def _asked(subject: Subject, extent: EvaluationSize, truth: bool) -> Iterator[EvalClip]:
    """Motions that are weakened, and mixed of three."""
    for strength in STRENGTHS:
        options = {"motion_strength": strength}
        clip = clip_of(GoHDClip, f"strength-{strength:g}-{subject.name}", subject, extent.brief, options=options)
        yield from with_truth(clip, truth)
    parts = sources(subject, extent)
    voice = parts["expression"]
    clip = clip_of(GoHDClip, f"mixed-{subject.name}", subject, extent.brief, voice=voice, parts=parts)
    yield from with_truth(clip, truth)


def _heard(subject: Subject, seconds: float) -> Iterator[EvalClip]:
    """What is made of a sound: by several noises, and with lids and brows that are told."""
    for gamma, seed in product(GAMMAS, SEEDS):
        name, options = f"gamma-{gamma:g}-{seed}-{subject.name}", {"pose_guidance": gamma}
        yield clip_of(GoHDClip, name, subject, seconds, options=options, seed=seed)
    still = {"options": {"pose": AT_REST}}
    own, other = subject.voice, subject.driver
    for name, voice, eyes in (("own", own, own), ("eyes", own, other), ("sound", other, own)):
        clip = clip_of(GoHDClip, f"told-{name}-{subject.name}", subject, seconds, voice=voice, eyes=eyes, **still)
        yield from with_truth(clip, True)


def _neutral(subject: Subject) -> Iterator[EvalClip]:
    """Turned pictures with no motion, with what they show beside."""
    for name, turned in TURNED.items():
        options = {"motion_strength": 0.0}
        clip = clip_of(GoHDClip, f"turned-{name}-{subject.name}", subject, 10 / FPS, options=options, turned=turned)
        yield from with_truth(clip, True)
