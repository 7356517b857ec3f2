"""The videos on which VASA-1's mechanisms are measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from emo.errors import OptionError
from emo.evaluation.mechanisms.generator import FPS, Generator
from emo.evaluation.mechanisms.plan import EvalClip, EvaluationSize

TOGETHER = 3  # portraits that one motion is drawn on
GAZES = {"ahead": (0.0, 0.0), "left": (-0.6, 0.0), "right": (0.6, 0.0), "up": (0.0, 0.6), "down": (0.0, -0.6)}
GAZE_SCALES = (0.0, 2.0)  # lambda of the gaze, beside the pipeline's own
AUDIO_SCALES = (0.0, 0.5, 2.0)  # lambda of the sound
STEPS = (10, 50)
DISTANCES = (0.8, 1.0, 1.25)
SHIFTED = {"happy": ("smile", 1), "angry": ("brow", -1), "surprised": ("brow", 1)}
"""The control that an emotion moves, and which way."""


@dataclass(frozen=True)
class VASAClip(EvalClip):
    """One video of VASA-1's.

    Attributes:
        options: of the pipeline's call, besides the run's.
        still: what is held still: the "pose", at rest; the "dynamics", as in the first frame; or "all", which leaves
            the portrait.
        driver: number of the person whose true clip is followed.
        driven: what follows it: "all", the "pose" or the "dynamics".
        previous: whether windows see what came before them.
    """

    options: dict[str, Any] = field(default_factory=dict)
    still: str | None = None
    driver: int | None = None
    driven: str = "all"
    previous: bool = True


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


def known_emotions(pipe: Any) -> dict[str, tuple[str, int]]:
    """Those of `SHIFTED` that a model knows."""
    return {name: shift for name, shift in SHIFTED.items() if name in pipe.denoiser.config.emotions}


def window_frames(pipe: Any) -> int:
    """Frames of a video that a window is long."""
    return round(pipe.window_length * FPS / pipe.motion_fps)


def plan_clips(extent: EvaluationSize, generator: Generator, pictures: Mapping[str, str]) -> list[EvalClip]:
    """All videos, talks first; see `Family`.

    Raises:
        OptionError: talks have no borders of windows, or there are too few people to tell apart.
    """
    pipe = generator.pipe()
    if extent.seconds * FPS <= window_frames(pipe):
        raise OptionError(
            f"--seconds {extent.seconds:g}: must be longer than a window of {window_frames(pipe)} frames at {FPS} per "
            "second",
            option="seconds",
        )
    if extent.gallery < TOGETHER:
        raise OptionError(f"--gallery {extent.gallery}: must be at least {TOGETHER}", option="gallery")
    clips: list[EvalClip] = []
    for p in range(extent.talks):
        clips += [VASAClip(f"talk-{p:02d}{end}", extent.seconds, p, truth=bool(end)) for end in ("", "-truth")]
    for p in range(extent.few):
        unbent = {"border_frames": 0}
        clips.append(VASAClip(f"unbent-{p}", extent.seconds, p, options=unbent))
        clips.append(VASAClip(f"unchained-{p}", extent.seconds, p, options=unbent, previous=False))
    for subjects, truth in ((people(extent), True), (real_people(pictures), False)):
        for subject in subjects:
            clips += _own(subject, extent.brief, known_emotions(pipe), truth)
        for group in shared(subjects, extent) if subjects else ():
            for name, subject in group:
                clips += _with_truth(_clip(name, subject, extent.brief), truth)
    for subject in people(extent):
        kinds: dict[str, Any] = {f"audio-{scale:g}": {"audio_guidance_scale": 1 + scale} for scale in AUDIO_SCALES}
        kinds |= {f"steps-{steps}": {"num_inference_steps": steps} for steps in STEPS}
        for kind, options in kinds.items():
            clips.append(_clip(f"{kind}-{subject.name}", subject, extent.brief, options=options))
    return clips


def _own(subject: Subject, seconds: float, emotions: Mapping[str, tuple[str, int]], truth: bool) -> Iterator[EvalClip]:
    """Videos of one person, with true ones of the same where there are any."""
    both = {"still-pose": {"still": "pose"}, "still-dynamics": {"still": "dynamics"}}
    both |= {f"gaze-{name}": {"options": {"gaze": gaze}} for name, gaze in GAZES.items()}
    both |= {f"distance-{d:g}": {"options": {"distance": d}} for d in DISTANCES}
    both |= {f"emotion-{name}": {"options": {"emotion": {name: 1.0}}} for name in emotions}
    yield from _with_truth(_clip(f"portrait-{subject.name}", subject, 5 / FPS, still="all"), truth)
    for kind, what in both.items():
        yield from _with_truth(_clip(f"{kind}-{subject.name}", subject, seconds, **what), truth)
    for scale in GAZE_SCALES:
        for name, gaze in GAZES.items():
            if any(gaze):
                options = {"gaze": gaze, "gaze_guidance_scale": 1 + scale}
                yield _clip(f"guided-{scale:g}-{name}-{subject.name}", subject, seconds, options=options)
    for driven in ("all", "pose", "dynamics"):
        voice = subject.voice if driven == "pose" else subject.driver
        what = {"voice": voice, "driver": subject.driver, "driven": driven}
        yield _clip(f"driven-{driven}-{subject.name}", subject, seconds, **what)


def _clip(name: str, subject: Subject, seconds: float, **what: Any) -> VASAClip:
    return VASAClip(name, seconds, subject.person, subject.picture, **{"voice": subject.voice, **what})


def _with_truth(clip: VASAClip, truth: bool) -> list[EvalClip]:
    true = replace(clip, name=f"{clip.name}-truth", truth=True)
    return [clip, true] if truth else [clip]
