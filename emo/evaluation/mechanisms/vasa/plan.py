"""The videos on which VASA-1's mechanisms are measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emo.evaluation.mechanisms.generator import Generator
from emo.evaluation.mechanisms.plan import EvalClip, EvaluationSize
from emo.evaluation.mechanisms.subjects import (
    ASIDE,
    GAZES,
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

GAZE_SCALES = (0.0, 2.0)  # lambda of the gaze, beside the pipeline's own
AUDIO_SCALES = (0.0, 0.5, 2.0)  # lambda of the sound
STEPS = (10, 50)
DISTANCES = (0.8, 1.0, 1.25)
SHIFTED = {"happy": ("smile", 1), "angry": ("brow", -1), "surprised": ("brow", 1)}
"""The control that an emotion moves, and which way."""


@dataclass(frozen=True)
class VASAClip(MotionClip):
    """One video of VASA-1's. What is held still may be the "pose", at rest, or the "dynamics", as in the first frame.

    Attributes:
        driver: number of the person whose true clip is followed.
        driven: what follows it: "all", the "pose" or the "dynamics".
        previous: whether windows see what came before them.
    """

    driver: int | None = None
    driven: str = "all"
    previous: bool = True


def known_emotions(pipe: Any) -> dict[str, tuple[str, int]]:
    """Those of `SHIFTED` that a model knows."""
    return {name: shift for name, shift in SHIFTED.items() if name in pipe.denoiser.config.emotions}


def plan_clips(extent: EvaluationSize, generator: Generator, pictures: Mapping[str, str]) -> list[EvalClip]:
    """All videos, talks first; see `Family`.

    Raises:
        OptionError: talks have no borders of windows, or there are too few people to tell apart.
    """
    pipe = generator.pipe()
    check_extent(extent, pipe)
    clips: list[EvalClip] = [*talks(VASAClip, extent)]
    for p in range(extent.few):
        unbent = {"border_frames": 0}
        clips.append(VASAClip(f"unbent-{p}", extent.seconds, p, options=unbent))
        clips.append(VASAClip(f"unchained-{p}", extent.seconds, p, options=unbent, previous=False))
    for subjects, truth in ((people(extent), True), (real_people(pictures), False)):
        clips += common_clips(VASAClip, subjects, extent, truth)
        for subject in subjects:
            clips += _own(subject, extent.brief, known_emotions(pipe), truth)
    for subject in people(extent):
        kinds: dict[str, Any] = {f"audio-{scale:g}": {"audio_guidance_scale": 1 + scale} for scale in AUDIO_SCALES}
        kinds |= {f"steps-{steps}": {"num_inference_steps": steps} for steps in STEPS}
        for kind, options in kinds.items():
            clips.append(clip_of(VASAClip, f"{kind}-{subject.name}", subject, extent.brief, options=options))
    return clips


def _own(subject: Subject, seconds: float, emotions: Mapping[str, tuple[str, int]], truth: bool) -> Iterator[EvalClip]:
    """Videos of one person, with true ones of the same where there are any."""
    both: dict[str, dict[str, Any]] = {f"still-{part}": {"still": part} for part in ("pose", "dynamics")}
    both |= {f"distance-{d:g}": {"options": {"distance": d}} for d in DISTANCES}
    both |= {f"emotion-{name}": {"options": {"emotion": {name: 1.0}}} for name in emotions}
    for kind, what in both.items():
        yield from with_truth(clip_of(VASAClip, f"{kind}-{subject.name}", subject, seconds, **what), truth)
    for scale in GAZE_SCALES:
        for name in ASIDE:
            options = {"gaze": GAZES[name], "gaze_guidance_scale": 1 + scale}
            yield clip_of(VASAClip, f"guided-{scale:g}-{name}-{subject.name}", subject, seconds, options=options)
    for driven in ("all", "pose", "dynamics"):
        voice = subject.voice if driven == "pose" else subject.driver
        what = {"voice": voice, "driver": subject.driver, "driven": driven}
        yield clip_of(VASAClip, f"driven-{driven}-{subject.name}", subject, seconds, **what)
