"""The videos on which GAIA's mechanisms are measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from emo.data.synthetic.motion.instructions import INSTRUCTIONS, draw_sentence
from emo.evaluation.mechanisms.generator import FPS, Generator
from emo.evaluation.mechanisms.plan import EvalClip, EvaluationSize
from emo.evaluation.mechanisms.subjects import (
    MotionClip,
    Subject,
    check_gallery,
    clip_of,
    people,
    portrait_clips,
    real_people,
    shared_clips,
    talks,
    window_frames,
    with_truth,
)

SEEDS = range(3)
WINDOWS = 2.4  # of a sound that has borders
LONG = 2  # people who speak for so long
POSES = {"left": (-12.0, 0.0, 0.0), "right": (12.0, 0.0, 0.0), "up": (0.0, 8.0, 0.0), "down": (0.0, -8.0, 0.0),
         "tilted": (0.0, 0.0, 8.0)}  # fmt: skip
"""Yaw, pitch and roll that heads are to have."""

WORDINGS = {"template": False, "paraphrase": True}
"""Sentences in training's words, and in others."""


@dataclass(frozen=True)
class GAIAClip(MotionClip):
    """One video of GAIA's.

    Attributes:
        seed: of the noise, among others of the same voice.
        follows: numbers of a person and of a voice: the true clip of the person who does what goes with that voice.
        whole: whether all of the motion is that clip's; else wanted landmarks are, and the mouth goes with the sound.
        turns: number of the person whose true poses are given.
        closed: whether the picture that is animated has its eyes shut.
        known: whether sequences know the one before.
        told: the instruction that is obeyed, by its key; empty for people who are told nothing.
        small: pixels that a true clip is brought to, and back.
    """

    seed: int = 0
    follows: tuple[int, int] | None = None
    whole: bool = True
    turns: int | None = None
    closed: bool = False
    known: bool = True
    told: str | None = None
    small: int | None = None


def driver(subject: Subject, extent: EvaluationSize) -> int:
    """Number of the person whose true clip drives a portrait: one of those who drive themselves, too."""
    return (subject.person + 1) % extent.few


def told_clips(extent: EvaluationSize) -> Iterator[tuple[str, Subject]]:
    """Every instruction, and who is told: one person after the other."""
    drawn = people(extent)
    for number, key in enumerate(INSTRUCTIONS):
        yield key, drawn[number % len(drawn)]


def plan_clips(extent: EvaluationSize, generator: Generator, pictures: Mapping[str, str]) -> list[EvalClip]:
    """All videos, talks first; see `Family`.

    Raises:
        OptionError: there are too few people to tell apart.
    """
    pipe = generator.pipe()
    check_gallery(extent)
    window = window_frames(pipe) / FPS
    clips: list[EvalClip] = [*talks(GAIAClip, extent)]
    for subject in people(extent)[:LONG]:
        long = clip_of(GAIAClip, f"long-{subject.name}", subject, WINDOWS * window)
        clips += with_truth(long, True)
        clips.append(clip_of(GAIAClip, f"unknown-{subject.name}", subject, WINDOWS * window, known=False))
    for subjects, truth in ((people(extent), True), (real_people(pictures), False)):
        clips += portrait_clips(GAIAClip, subjects, truth)
        clips += shared_clips(GAIAClip, subjects, extent, truth, lambda one: {"follows": (one.voice, one.voice)})
        for subject in subjects:
            clips += _asked(subject, extent, truth)
    for subject in people(extent):
        clips += _drawn(subject, extent.brief, pipe)
    if pipe.text_denoiser is not None:
        clips += _told(extent, max(extent.brief, window))
    return clips


def _asked(subject: Subject, extent: EvaluationSize, truth: bool) -> Iterator[EvalClip]:
    """Another's motion, a sound by itself, and poses that are given."""

    def clip(kind: str, **what: Any) -> GAIAClip:
        return clip_of(GAIAClip, f"{kind}-{subject.name}", subject, extent.brief, **what)

    other = driver(subject, extent)
    yield clip("driven", voice=other, follows=(other, other))
    yield clip("sound-0")
    for name, pose in POSES.items():
        yield from with_truth(clip(f"posed-{name}", options={"pose": pose}), truth)
    yield from with_truth(clip("turned", turns=other), truth)


def _drawn(subject: Subject, seconds: float, pipe: Any) -> Iterator[EvalClip]:
    """Of synthetic people alone: their own motion, other noise, shut eyes, wanted landmarks."""

    def clip(kind: str, **what: Any) -> GAIAClip:
        end = "-truth" if what.get("truth") else ""
        return clip_of(GAIAClip, f"{kind}-{subject.name}{end}", subject, seconds, **what)

    own, other = subject.person, subject.driver
    yield from with_truth(clip("self", follows=(own, own)), True)
    yield clip("small", truth=True, small=pipe.default_size)
    for seed in SEEDS[1:]:
        yield clip(f"sound-{seed}", seed=seed)
    yield from with_truth(clip("closed", closed=True), True)
    if pipe.landmark_denoiser is not None:
        yield from with_truth(clip("followed", voice=other, follows=(own, other)), True)
        yield from with_truth(wanted_clip(subject, seconds), True)


def wanted_clip(subject: Subject, seconds: float) -> GAIAClip:
    """The landmarks of a person who does what goes with another's voice are wanted, but for the mouth."""
    name, followed = f"wanted-{subject.name}", (subject.person, subject.driver)
    return clip_of(GAIAClip, name, subject, seconds, follows=followed, whole=False, turns=subject.driver)


def _told(extent: EvaluationSize, seconds: float) -> Iterator[EvalClip]:
    """People who are told what to do, in all words, and some who are told nothing."""
    for subject in people(extent):
        yield clip_of(GAIAClip, f"calm-{subject.name}-truth", subject, seconds, truth=True, told="")
    for number, (key, subject) in enumerate(told_clips(extent)):
        name = f"{key.replace(' ', '-')}-{subject.name}"
        for wording, held_out in WORDINGS.items():
            options = {"instruction": draw_sentence(np.random.default_rng(number), key, held_out)}
            yield clip_of(GAIAClip, f"{wording}-{name}", subject, seconds, told=key, options=options)
        yield clip_of(GAIAClip, f"told-{name}-truth", subject, seconds, told=key, truth=True)
