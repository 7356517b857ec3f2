"""Who is animated where motion is measured, and the videos of them that every family of motion has."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from emo.errors import OptionError
from emo.evaluation.mechanisms.generator import FPS
from emo.evaluation.mechanisms.plan import EvalClip, EvaluationSize

TOGETHER = 3  # portraits that one motion is drawn on
GAZES = {"ahead": (0.0, 0.0), "left": (-0.6, 0.0), "right": (0.6, 0.0), "up": (0.0, 0.6), "down": (0.0, -0.6)}
ASIDE = [name for name, where in GAZES.items() if any(where)]


@dataclass(frozen=True)
class MotionClip(EvalClip):
    """One video of a motion.

    Attributes:
        options: of the pipeline's call, besides the run's.
        still: what is held still: "all", which leaves the portrait, or what else a family knows.
    """

    options: dict[str, Any] = field(default_factory=dict)
    still: str | None = None


@dataclass(frozen=True)
class Subject:
    """Somebody who is animated.

    Attributes:
        name: in the names of their videos.
        person: number of a held-out person.
        picture: path of a portrait, in a person's place.
        voice: number of the held-out voice that is heard.
        driver: number of the person whose motion is borrowed.
    """

    name: str
    person: int
    picture: str | None
    voice: int
    driver: int


def people(extent: EvaluationSize) -> list[Subject]:
    """The held-out people of all rows but those of talks."""
    return [Subject(f"{p}", p, None, p, (p + 1) % extent.gallery) for p in range(extent.few)]


def real_people(pictures: Mapping[str, str]) -> list[Subject]:
    """Those of real portraits, who have the first held-out voice and the second person's motion."""
    return [Subject(f"real-{name}", 0, path, 0, 1) for name, path in pictures.items()]


def shared(subjects: Sequence[Subject], extent: EvaluationSize) -> list[list[tuple[str, Subject]]]:
    """Names of videos, and of whom, that have one motion in common: of each person three, of real ones all."""
    if any(subject.picture for subject in subjects):
        return [[(f"shared-{subject.name}", subject) for subject in subjects]]
    groups = []
    for one in subjects:
        numbers = [(one.person + k) % extent.gallery for k in range(TOGETHER)]
        groups.append([(f"shared-{one.name}-on-{n}", Subject(f"{n}", n, None, one.voice, 0)) for n in numbers])
    return groups


ClipT = TypeVar("ClipT", bound=MotionClip)


def clip_of(kind: type[ClipT], name: str, subject: Subject, seconds: float, **what: Any) -> ClipT:
    """A subject's video, who says what their voice does unless told otherwise."""
    return kind(name, seconds, subject.person, subject.picture, **{"voice": subject.voice, **what})


def with_truth(clip: ClipT, truth: bool) -> list[ClipT]:
    """A video, and a true one of the same if there is any."""
    return [clip, replace(clip, name=f"{clip.name}-truth", truth=True)] if truth else [clip]


def common_clips(kind: type[ClipT], subjects: Sequence[Subject], extent: EvaluationSize, truth: bool) -> list[ClipT]:
    """Videos of families whose eyes are told where to look: portraits as they are, looks, motions in common."""
    return [
        *portrait_clips(kind, subjects, truth),
        *gaze_clips(kind, subjects, extent, truth),
        *shared_clips(kind, subjects, extent, truth),
    ]


def portrait_clips(kind: type[ClipT], subjects: Sequence[Subject], truth: bool) -> list[ClipT]:
    """Portraits as they are."""
    clips = [clip_of(kind, f"portrait-{subject.name}", subject, 5 / FPS, still="all") for subject in subjects]
    return [each for clip in clips for each in with_truth(clip, truth)]


def gaze_clips(kind: type[ClipT], subjects: Sequence[Subject], extent: EvaluationSize, truth: bool) -> list[ClipT]:
    """Eyes that look ahead, and elsewhere."""
    clips = [
        clip_of(kind, f"gaze-{name}-{subject.name}", subject, extent.brief, options={"gaze": gaze})
        for subject in subjects
        for name, gaze in GAZES.items()
    ]
    return [each for clip in clips for each in with_truth(clip, truth)]


def shared_clips(
    kind: type[ClipT],
    subjects: Sequence[Subject],
    extent: EvaluationSize,
    truth: bool,
    what: Callable[[Subject], dict[str, Any]] = lambda subject: {},
) -> list[ClipT]:
    """Portraits with motions in common; `what` says more of a subject's clip."""
    groups = shared(subjects, extent) if subjects else []
    named = [each for group in groups for each in group]
    clips = [clip_of(kind, name, subject, extent.brief, **what(subject)) for name, subject in named]
    return [each for clip in clips for each in with_truth(clip, truth)]


def talks(kind: type[ClipT], extent: EvaluationSize) -> list[ClipT]:
    """People who talk, with true clips of the same."""
    clips = [kind(f"talk-{p:02d}", extent.seconds, p) for p in range(extent.talks)]
    return [each for clip in clips for each in with_truth(clip, True)]


def window_frames(pipe: Any) -> int:
    """Frames of a video that a window is long."""
    return round(pipe.window_length * FPS / pipe.motion_fps)


def check_extent(extent: EvaluationSize, pipe: Any, gallery: int = TOGETHER) -> None:
    """See that talks have borders of windows, and that there are so many people to tell apart.

    Raises:
        OptionError: it is not so.
    """
    if extent.seconds * FPS <= window_frames(pipe):
        raise OptionError(
            f"--seconds {extent.seconds:g}: must be longer than a window of {window_frames(pipe)} frames at {FPS} per "
            "second",
            option="seconds",
        )
    check_gallery(extent, gallery)


def check_gallery(extent: EvaluationSize, gallery: int = TOGETHER) -> None:
    """See that there are so many people to tell apart.

    Raises:
        OptionError: there are fewer.
    """
    if extent.gallery < gallery:
        raise OptionError(f"--gallery {extent.gallery}: must be at least {gallery}", option="gallery")
